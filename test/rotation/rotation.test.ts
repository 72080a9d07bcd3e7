import { join } from 'node:path';
import t from 'tap';
import { createDatabase } from '../support/database.js';
import { seededRandom } from '../support/random.js';
import { rotateUnderKills } from './campaign.js';

t.setTimeout(240_000);

t.test('changes of the master key that are killed lose no secret, and no server starts meanwhile (the long form: npm run rotation)', async (t) => {
  const database = await createDatabase();
  t.teardown(async () => database?.drop());
  const place = database === undefined ? { name: 'PGlite', at: join(t.testdir({}), 'db') } : { name: 'PostgreSQL', at: database.url };
  const figures = await rotateUnderKills(place, 500, 2, seededRandom(7));
  t.ok(figures.kills >= 2, place.name);
  t.ok(figures.opened > 500);
  t.match(figures, { unreadable: 0, wronglyOpened: 0 });
});
