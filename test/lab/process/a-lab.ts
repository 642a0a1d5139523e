/** A program for the tests: starts children of the kinds that are hard to end, says so on stdout, and waits to be killed. */
import { stopOnSignals } from '../../../lab/process/signals.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';

const supervisor = await Supervisor.start({ project: process.argv[2] });
stopOnSignals(() => supervisor.stop());
const run = (name: string, script: string) => supervisor.spawn('/bin/sh', ['-c', script], { name, env: {} });
run('plain', 'exec sleep 600');
run('stubborn', 'trap "" TERM; while :; do sleep 600; done');
run('stopped', 'sleep 600 & kill -STOP $$');
run('daemon', 'setsid sleep 600 & exit 0');
setInterval(() => undefined, 1000);
process.stdout.write(`${JSON.stringify({ runId: supervisor.runId, folder: supervisor.folder, pid: process.pid })}\n`);
