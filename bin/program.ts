import { Command, Option } from 'commander';
import { WORKLOADS_PER_RUN } from '../environments/run-size.ts';
import { answer } from './commands/answer.ts';
import { showIncident, showIncidents } from './commands/incidents.ts';
import { type LeaseOptions, type LeaseVerb, manageLease } from './commands/lease.ts';
import { type MoveOptions, move } from './commands/move.ts';
import { type Common, type connect, type Operator, wholeNumber } from './commands/operator.ts';
import { type OverrideOptions, overrideFence } from './commands/override-fence.ts';
import { type RepairOptions, repair } from './commands/repair.ts';
import { type RestoreOptions, restore } from './commands/restore.ts';
import { showStatus } from './commands/status.ts';
import { EXIT } from './exit-codes.ts';

type WithOperator = <Arguments extends unknown[]>(
  run: (operator: Operator, ...rest: Arguments) => Promise<void>,
) => (...rest: Arguments) => Promise<void>;

const siteOption = (flags: string, description: string): Option => new Option(flags, description).choices(['primary', 'recovery']);
const exitCodes = `Exit codes: 0 done, ${EXIT.failed} failed or refused, ${EXIT.usage} wrong usage, ${EXIT.lostSight} lost sight of a run that goes on.`;

/** The commands and their options; each action is given an operator for the environment and the region that were named. */
export const programOf = (connectTo: typeof connect): Command => {
  const program = new Command('lifeboat')
    // Before the commands are added: each takes over how the program ends.
    .exitOverride()
    .description("The operator's command line: who is active, what happened, and the same machine that the alarm starts.")
    .addOption(new Option('--env <name>', 'environment, a file in environments/; needed').env('LIFEBOAT_ENV'))
    .option('--region <name>', "site to talk to (default: the recovery site's)")
    .option('--json', 'one JSON document on stdout')
    .showHelpAfterError()
    .addHelpText('after', `\n${exitCodes}`);
  const withOperator: WithOperator =
    (run) =>
    async (...rest) =>
      run(await connectTo(program.opts<Common>()), ...rest);
  for (const add of [addLooks, addMoves, addRestore, addRepair, addAnswers, addOverride, addLease]) add(program, withOperator);
  return program;
};

const addLooks = (program: Command, withOperator: WithOperator): void => {
  program
    .command('status')
    .description('who holds each lease, until when, and what the observers see')
    .action(withOperator((operator) => showStatus(operator)));
  program
    .command('incidents')
    .description('the newest runs')
    .option('--limit <n>', 'how many', '20')
    .action(withOperator((operator, { limit }: { limit: string }) => showIncidents(operator, wholeNumber('--limit', limit))));
  program
    .command('incident <id>')
    .description("one run's timeline and measurements")
    .action(withOperator((operator, id: string) => showIncident(operator, id)));
};

const moves = {
  failover: 'unplanned move: confirms the outage, may lose data up to the measured lag',
  switchover: 'planned move: writes stop first, nothing is lost',
} as const;

const addMoves = (program: Command, withOperator: WithOperator): void => {
  for (const [mode, what] of Object.entries(moves) as [keyof typeof moves, string][])
    program
      .command(`${mode} [workloads...]`)
      .description(`${what}. Without workloads: all, ${WORKLOADS_PER_RUN} at most. Without --reason it asks for approval`)
      .addOption(siteOption('--to <site>', 'the site that is activated').makeOptionMandatory())
      .option('--reason <text>', 'why; goes into the record')
      .option('--incident <id>', 'goes on with a run that was interrupted; without workloads with all that it had begun to move')
      .option('--dry-run', 'walks the whole machine and changes nothing', false)
      .option('--no-watch', 'return as soon as the run has started')
      .action(withOperator((operator, workloads: string[], options: MoveOptions) => move(operator, mode, workloads, options)));
};

const addRestore = (program: Command, withOperator: WithOperator): void => {
  program
    .command('restore <workload>')
    .description('restores a database from its newest proven recovery point, beside the live one unless told otherwise')
    .option('--database <name>', 'where the workload has several')
    .option('--latest', 'the newest recovery point, proven or not')
    .option('--at <time>', 'a moment, from the log: the newest state before something went wrong')
    .option('--before <time>', 'the newest recovery point that is older than this')
    .option('--recovery-point <id>', 'this one, whatever is known of it')
    .option('--in-place', 'writes stop, and it takes the place of the live database, under the same endpoint', false)
    .option('--clean-room', 'in place after a compromise: new key, new logins, by approval; needs --before', false)
    .addOption(siteOption('--site <site>', 'default: the active one'))
    .option('--reason <text>', 'why; goes into the record')
    .option('--detected-at <time>', 'since when the workload cannot be used: the clock of the RTO')
    .option('--accept-unknown', 'in place although some checks could not run, or settings are not known any more', false)
    .option(
      '--incident <id>',
      'goes on with a restore that was interrupted, as it was chosen; a clean room takes --before or --recovery-point, and --accept-unknown, anew',
    )
    .option('--dry-run', 'says which recovery point, why, and what would be lost; changes nothing', false)
    .option('--no-watch', 'return as soon as the run has started')
    .addHelpText(
      'after',
      '\nTimes need a zone: 2026-11-27T10:30:00Z. In place everything written after the chosen time leaves the live database; it is kept.',
    )
    .action(withOperator((operator, workload: string, options: RestoreOptions) => restore(operator, workload, options)));
};

const addRepair = (program: Command, withOperator: WithOperator): void => {
  program
    .command('repair <workload>')
    .description(
      'carries single rows over from a database that was restored beside the live one; shows the diff and asks for approval first',
    )
    .requiredOption('--from <instance>', "the restored instance, from the restore's output")
    .requiredOption('--table <name>', 'whose rows')
    .option(
      '--key <value>',
      "a row's primary key; again for each row; without any the whole table",
      (key, all: string[]) => [...all, key],
      [],
    )
    .option('--database <name>', 'where the workload has several')
    .option('--max-rows <n>', 'more rows than that are refused', '100')
    .option('--reason <text>', 'why; goes into the record')
    .option('--dry-run', 'shows which rows and columns differ and changes nothing', false)
    .option('--no-watch', 'return as soon as the run has started')
    .action(withOperator((operator, workload: string, options: RepairOptions) => repair(operator, workload, options)));
};

const addAnswers = (program: Command, withOperator: WithOperator): void => {
  for (const verb of ['approve', 'refuse'] as const)
    program
      .command(`${verb} <incident>`)
      .description(`${verb} a run that waits for a person, once; your identity, host and reason go into the record`)
      .requiredOption('--workload <name>', 'a run may ask about several')
      .requiredOption('--reason <text>', 'why; with an approval also why the loss that it names is accepted')
      .action(
        withOperator((operator, incident: string, options: { workload: string; reason: string }) =>
          answer(operator, verb, incident, options),
        ),
      );
};

const addOverride = (program: Command, withOperator: WithOperator): void => {
  program
    .command('override-fence <workload>')
    .description('decides that nobody waits any more for an old writer to be fenced: for a region that does not return')
    .requiredOption('--reason <text>', 'why; goes into the record')
    .option('--database <name>', 'only of this one; else of all databases of the workload whose fence is pending')
    .action(withOperator((operator, workload: string, options: OverrideOptions) => overrideFence(operator, workload, options)));
};

const leaseVerbs: Record<LeaseVerb, string> = {
  install: 'puts the checks on the tables of one database, once the guard renews its lease; run it again after a migration',
  remove: 'takes all of it off again; writes then depend on the guard alone',
  status: 'until when the database may write, and which tables are not covered',
};

const addLease = (program: Command, withOperator: WithOperator): void => {
  const lease = program.command('lease').description('the database lease: the right to write, expiring by itself inside the database');
  for (const [verb, description] of Object.entries(leaseVerbs) as [LeaseVerb, string][])
    lease
      .command(verb)
      .description(description)
      .requiredOption('--database <name>', 'as the environment names it')
      .option('--workload <name>', 'where several workloads have a database of that name')
      .addOption(siteOption('--site <site>', 'default: the active one'))
      .option('--host <name>', "instead of the instance's own address, for a tunnel")
      .option('--port <n>', 'with --host')
      .action(withOperator((operator, options: LeaseOptions) => manageLease(operator, verb, options)));
};
