// Stands for a laboratory in the sweep's tests: makes every attack in no time. PRETEND says what is wrong with it.
const [machine, clean] = process.argv.slice(2);
const kinds = ['a', 'b'].map((step) => ({ step, service: 'dynamodb', action: 'GetItem' }));
let attacks = 0;

if (process.env.PRETEND === 'dead') {
  console.error('the lab did not start');
  process.exit(2);
}
if (process.env.PRETEND === 'falls over') {
  process.send({ kind: 'verdict', verdict: { attacks: 0, broken: ['the lab did not answer'] } });
  process.exit(0);
}
if (clean === 'clean') process.send({ kind: 'clean', kinds });
process.send({ kind: 'phase', phase: machine });
process.on('message', ({ cell }) => {
  if (!cell) {
    process.send({ kind: 'verdict', verdict: { attacks, broken: process.env.PRETEND === 'broken' ? ['two writers'] : [] } });
    process.disconnect();
    return;
  }
  if (process.env.PRETEND === 'dies' && attacks === 1) process.exit(3);
  attacks += 1;
  process.send({ kind: 'judged', judged: { cell, outcome: 'recovered', detail: '', seconds: 1 } });
  process.send({ kind: 'ready' });
});
process.once('SIGTERM', () => process.exit(143));
process.send({ kind: 'ready' });
