import { Engine } from '../../../lab/engines/engine.ts';
import { enginesPython } from '../../../lab/engines/venv.ts';
import type { Processes } from '../../../lab/types.ts';

/** A MiniStack of its own for the tests of functions and schedules. */
export async function startEngine(processes: Processes): Promise<Engine> {
  const python = await enginesPython();
  return Engine.start(processes, {
    name: 'ministack',
    readyPath: '/_ministack/health',
    on: (port) => ({
      file: python,
      args: ['-m', 'ministack'],
      env: { BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: '0', SFTP_ENABLED: '0' },
    }),
  });
}
