import { defineConfig } from 'vitest/config';

// Most tests run real processes on few cores, so files run one after the other: timings stay meaningful.
export default defineConfig({
  test: {
    include: ['{server,media,inference,signaling,sdk,deploy,benchmarks}/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
