import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/engines.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores, and the lab's tests start processes of their own.
    maxWorkers: 2,
  },
});
