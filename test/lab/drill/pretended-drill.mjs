// Stands for the drill's command in the fleet's tests: its first word says how it ends, `--report` where its report goes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [kind] = process.argv.slice(2);
const folder = process.argv[process.argv.indexOf('--report') + 1];
const report = (scenario, passed) => {
  writeFileSync(join(folder, 'report.json'), JSON.stringify({ scenario, passed, reasons: [] }));
  writeFileSync(join(folder, 'rights.json'), JSON.stringify({ used: [], unused: [] }));
};

process.send({ phase: `${kind} works` });
switch (kind) {
  case 'holds':
    report(kind, true);
    break;
  case 'broken':
    report(kind, false);
    process.exitCode = 1;
    break;
  case 'of-another':
    report('holds', true);
    break;
  case 'contradicts':
    report(kind, true);
    process.exitCode = 1;
    break;
  case 'garbled':
    writeFileSync(join(folder, 'report.json'), '{');
    break;
  case 'waits':
    process.once('SIGTERM', () => process.exit(143));
    setInterval(() => {}, 1_000);
    break;
  default:
    console.error('the lab did not start');
    process.exitCode = 2;
}
process.disconnect();
