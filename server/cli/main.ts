import { Command, InvalidArgumentError, Option } from 'commander';
import { INFERENCE_ERRORS, InferenceError } from '../../inference/index.ts';
import { SERVER_ERRORS, ServerError } from '../errors.ts';
import { conformanceCommand } from './conformance-command.ts';
import { modelPullCommand } from './model-pull-command.ts';
import { replayCommand } from './replay-command.ts';
import { verifyCommand } from './verify-command.ts';
import { wavCommand } from './wav-command.ts';

const MODEL_FLAG = [
  '--model <model>',
  "a checkpoint directory in Kyutai's layout, or owner/name of a pulled model",
] as const;
const CACHE_FLAG = ['--cache <dir>', 'where graphs and models are kept'] as const;
const THREADS_FLAG = ['--threads <n>', 'threads of one step; default: every core', parseCount] as const;

const program = new Command('parley')
  .description('Tools for Parley: fetch, run, verify and replay models without a call.')
  .option('--yes', 'agree to whatever would be asked');

program
  .command('wav')
  .description('run a WAV file through a model as if it were a call, and write what it answers')
  .requiredOption('--in <file>', 'what the model hears: any rate, channels and sample format')
  .requiredOption('--out <file>', 'what it says: 24 kHz mono, 16 bit, as long as the input')
  .option('--engine <name>', 'moshi or loopback', 'moshi')
  .option(...MODEL_FLAG)
  .option('--seed <n>', 'keys the random numbers: the same seed gives the same answer', parseSeed, 0n)
  .option(...CACHE_FLAG)
  .option(...THREADS_FLAG)
  .action((flags) => wavCommand(flags));

program
  .command('verify')
  .description('compare the runtime with recorded reference cases')
  .argument('<dir...>', 'checkpoints with cases.json and cases/')
  .action(async (directories) => passOrFail(await verifyCommand(directories)));

program
  .command('replay')
  .description("replay a worker's log, and compare every output's bits")
  .argument('<log>', 'a file that a worker recorded')
  .option(...MODEL_FLAG)
  .option('--wav <dir>', "write each call's sound there")
  .option(...CACHE_FLAG)
  .option(...THREADS_FLAG)
  .action(async (log, flags) => passOrFail(await replayCommand(log, flags)));

program
  .command('conformance')
  .description('try an inference worker against each clause of its protocol')
  .argument('<socket>', 'where it listens; all its slots should be free')
  .action(async (socket) => passOrFail(await conformanceCommand(socket)));

program
  .command('model')
  .description('models of the Hugging Face hub')
  .command('pull')
  .description('download a model that Parley can run; what an earlier pull began goes on')
  .argument('<owner/name>', 'such as kyutai/moshiko-pytorch-bf16')
  .option('--revision <name>', 'a branch, a tag or a commit', 'main')
  .addOption(
    new Option('--endpoint <url>', 'the hub or a mirror of it').env('HF_ENDPOINT').default('https://huggingface.co'),
  )
  .option(...CACHE_FLAG)
  .action(async (repository, _, command) =>
    passOrFail(await modelPullCommand(repository, command.optsWithGlobals(), process.env.HF_TOKEN || undefined)),
  );

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  console.error(describe(error));
}

function passOrFail(hasPassed: boolean): void {
  if (!hasPassed) process.exitCode = 1;
}

/** An error with a code is the caller's to mend and is told in two lines; anything else is ours, with its stack. */
function describe(error: unknown): unknown {
  if (error instanceof InferenceError) return `${error.message}\n${INFERENCE_ERRORS[error.code].fix}`;
  if (error instanceof ServerError) return `${error.message}\n${SERVER_ERRORS[error.code].fix}`;
  return error;
}

function parseSeed(text: string): bigint {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError('It has to be a whole number from 0 to 2^64 - 1.');
  }
  return BigInt(text);
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number from 1 to 9999.');
  return Number(text);
}
