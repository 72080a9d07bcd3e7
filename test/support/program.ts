/** The program as tests run it: built, where `npm test` has just built it, else from source. */
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Set by `npm test` after it has built the program: a start of it takes a third of one from source. */
const isBuilt = process.env.GATEHOUSE_TEST_BUILT === '1';

/** Arguments of Node before those of the command. */
export const program: readonly string[] = isBuilt ? [`${root}dist/src/main.js`] : ['--import', import.meta.resolve('tsx'), `${root}src/main.ts`];
