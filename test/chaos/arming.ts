/** The named places at which a node of the campaign is to die: those of its start, and later those that a file tells. */
import { readFileSync } from 'node:fs';
import { armFailpoints, disarmFailpoints } from '../../src/runtime/failpoint.js';

/** `atStart` holds until the file says otherwise; an empty file disarms. Read now, and whenever SIGWINCH comes. */
export function followArming(armFile: string | undefined, atStart: string | undefined): void {
  if (armFile !== undefined) {
    armBy(armFile);
    process.on('SIGWINCH', () => armBy(armFile));
  }
  // Last: an empty file has just disarmed everything.
  if (atStart !== undefined) armFailpoints(atStart);
}

function armBy(file: string): void {
  const spec = readFileSync(file, 'utf8');
  if (spec === '') disarmFailpoints();
  else armFailpoints(spec);
}
