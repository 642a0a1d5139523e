import { beforeEach } from 'vitest';
import { setDryRun } from '../lambdas/kit/clients.ts';

// Files share a worker's modules: a dry run in one must not refuse the calls of the next.
beforeEach(() => setDryRun(false));
