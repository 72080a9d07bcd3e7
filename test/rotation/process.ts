/** A process that changes the master key and can be killed: prints one line per step. Arguments: database URL or data directory, old key, new key (hexadecimal). */
import { createLog } from '../../src/runtime/log.js';
import { rotateMasterKey } from '../../src/store/rotate.js';

const [, , place = '', oldKey = '', newKey = ''] = process.argv;
const at = place.startsWith('postgres') ? { databaseUrl: place } : { dataDir: place };
const options = { ...at, masterKey: Buffer.from(oldKey, 'hex'), nodeId: 'rotate', log: createLog('silent') };
const done = await rotateMasterKey(options, Buffer.from(newKey, 'hex'), (table, resealed) => void process.stdout.write(`${table} ${resealed}\n`));
process.stdout.write(`${JSON.stringify(done)}\n`);
process.exit(done.ok ? 0 : 2);
