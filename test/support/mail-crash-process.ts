import { sendDueMails } from '../../src/notification/send-mails.js';
import { createLog } from '../../src/runtime/log.js';
import { openStore } from '../../src/store/open.js';
import { mailersOf } from './mail-place.js';

/** Sends what is due, and dies when the first mail was handed over and nothing of it is recorded yet. */
const [dataDir = '', leaseMs = '3000'] = process.argv.slice(2);
const log = createLog('fatal');
const opened = await openStore({ dataDir, masterKey: Buffer.alloc(32, 1), nodeId: 'dies', log });
if (!opened.ok) throw new Error(JSON.stringify(opened.error));
const store = opened.value;
const settle = async (): Promise<boolean> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
};
await sendDueMails({ mails: { ...store.mails, settle }, mailerOf: mailersOf(store), log, leaseMs: Number(leaseMs) });
throw new Error('There was no mail to die with.');
