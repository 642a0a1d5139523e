import { defineConfig } from 'vitest/config';

/** They start engines and processes of their own, and each file has a worker's world for itself. */
const withProcesses = ['test/lab/**/*.test.ts', 'test/drill/**/*.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/engines.ts'],
    // Bounds, not expectations: two cores may be shared with other work.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Two cores, and the lab's tests start processes of their own.
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'lab', include: withProcesses } },
      // One world for all files of a worker: the CDK is loaded once, not once for each file, which is most of their time.
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: withProcesses, isolate: false, setupFiles: ['test/fresh.ts'] },
      },
    ],
  },
});
