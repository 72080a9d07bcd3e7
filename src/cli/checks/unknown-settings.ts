import { type Finding, warning } from './finding.js';

/** One finding for each variable that looks like a setting and is none. */
export function unknownSettingFindings(variables: readonly string[]): readonly Finding[] {
  return variables.map((variable) => warning('Settings', `${variable} is no setting and is ignored`, 'Correct its name, or remove it.'));
}
