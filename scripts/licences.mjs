// Lists the packages of a production install with their licences, as package-lock.json has them. `npm run licences`; exit code 1 when one is not on the list below.
import { readFileSync } from 'node:fs';

/** Licences that ask for nothing but their text to be kept. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
]);

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const packages = Object.entries(lock.packages)
  .filter(([path, item]) => path !== '' && item.dev !== true && item.devOptional !== true)
  .map(([path, { version, license = 'unknown' }]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 13), version, license }));

/** `(A OR B)`: one that is allowed is enough. */
const isAllowed = (license) =>
  license
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((part) => allowed.has(part)));

const refused = packages.filter(({ license }) => !isAllowed(license));
for (const { name, version, license } of packages) process.stdout.write(`${license}\t${name}\t${version}\n`);
for (const { name, license } of refused) process.stderr.write(`${name}: ${license} is not on the list of licences that are allowed\n`);
process.stdout.write(`${packages.length} packages\n`);
process.exitCode = refused.length > 0 || packages.length === 0 ? 1 : 0;
