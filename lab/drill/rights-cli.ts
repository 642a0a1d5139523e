import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { arguedIn, notArgued, readUses } from './argued-rights.ts';
import { unusedInAll } from './rights.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/unused-rights.md', import.meta.url));

const command = new Command('rights')
  .description(
    'List rights to change something that no call of any of these drills used, and that docs/unused-rights.md does not argue for.',
  )
  .argument('[folder...]', 'folders of reports, searched for rights.json', ['reports'])
  .addHelpText('after', '\nExit code: 0 none, 1 some, 2 no report was found.')
  .parse();

const missing = command.args.filter((folder) => !existsSync(folder));
const uses = readUses((command.processedArgs[0] as string[]).filter((folder) => !missing.includes(folder)));
if (missing.length > 0 || uses.length === 0) {
  console.error(missing.length > 0 ? `There is no folder ${missing.join(', ')}.` : 'No report was found.');
  process.exitCode = 2;
} else {
  const lines = notArgued(unusedInAll(uses), arguedIn(readFileSync(DOCUMENT, 'utf8')));
  for (const line of lines) console.log(line);
  console.error(`${lines.length} rights that no call of ${uses.length} drills used and that nobody argues for.`);
  process.exitCode = lines.length > 0 ? 1 : 0;
}
