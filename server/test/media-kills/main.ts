import { parseArgs } from 'node:util';
import { publish, quantile } from '../../../benchmarks/report/report.ts';
import { killMediasoup } from './media-kills.ts';

/** `npm run prove:media-kills [-- --count N --json FILE]` */
const { values } = parseArgs({ options: { count: { type: 'string', default: '10' } }, strict: false });
const count = Number(values.count);
const kills = await killMediasoup(count, ({ soundBackMs }) =>
  console.log(`sound back after ${soundBackMs.toFixed(0)} ms`),
);
const times = kills.map(({ soundBackMs }) => soundBackMs);
publish({
  name: 'media-kills',
  parameters: { count },
  metrics: {
    kills: count,
    back_within_3_s: times.filter((ms) => ms < 3_000).length,
    sound_back_ms_p50: quantile(times, 0.5),
    sound_back_ms_max: Math.max(...times),
  },
  raw: kills,
});
