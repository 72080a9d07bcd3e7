import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { disarmFailpoints, failpoint } from '../../src/runtime/failpoint.js';
import { followArming } from './arming.js';

t.teardown(disarmFailpoints);
const file = join(t.testdir(), 'failpoints');
const dies = (name: string) => t.throws(() => failpoint(name), new RegExp(`failpoint ${name}`));
const lives = (name: string) => t.doesNotThrow(() => failpoint(name));

t.test('what a node was started with is armed though the file is empty, and the file has its say afterwards', async () => {
  writeFileSync(file, '');
  followArming(file, 'claimed:throw:1');
  lives('claimed');
  dies('claimed');
  writeFileSync(file, 'answered:throw');
  process.emit('SIGWINCH', 'SIGWINCH');
  lives('claimed');
  dies('answered');
});

t.test('a file that is not empty arms at the start, an empty one disarms', async () => {
  writeFileSync(file, 'settled:throw');
  followArming(file, undefined);
  dies('settled');
  writeFileSync(file, 'settled:throw');
  process.emit('SIGWINCH', 'SIGWINCH');
  writeFileSync(file, '');
  process.emit('SIGWINCH', 'SIGWINCH');
  lives('settled');
});
