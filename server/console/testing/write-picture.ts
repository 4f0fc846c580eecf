import { fileURLToPath } from 'node:url';
import { launchChromium, writeSpeech } from '../../../benchmarks/browser/index.ts';
import { givenNode } from '../../test/given-node.ts';
import { buildConsole } from '../build.ts';

const PICTURE_FILE = fileURLToPath(new URL('../../../docs/call-page.png', import.meta.url));
// Not quite one turn of the dial, so that its head shows.
const CALL_MS = 10_500;

/** `node server/console/testing/write-picture.ts` writes docs/call-page.png: a call to the default model as it is. */
await buildConsole();
const node = await givenNode({ engine: { name: 'moshi' } });
const browser = await launchChromium({
  microphoneWav: writeSpeech('I was thinking we could leave on Friday. What do you think?'),
});
const context = await browser.newContext({ permissions: ['microphone'], viewport: { width: 1120, height: 640 } });
const page = await context.newPage();
await page.goto(node.urls[0] ?? '');
await page.getByRole('button', { name: 'Call' }).click();
await page.getByText('Live', { exact: true }).waitFor();
await page.waitForTimeout(CALL_MS);
await page.screenshot({ path: PICTURE_FILE });
await browser.close();
await node.close('server-shutdown');
