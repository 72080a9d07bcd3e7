import { type Finding, failure, good } from './finding.js';

const oldest = [20, 19] as const;

export function checkNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  return isNewEnough ? good('Node', version) : failure('Node', version, `Install Node ${oldest.join('.')} or newer.`);
}
