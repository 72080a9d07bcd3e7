import t from 'tap';
import { unexpectedFault } from '../src/start-fault.js';

t.test('a start that fails says so in one line; one that lost its database may be tried again', async (t) => {
  t.same(unexpectedFault(new Error('the river\n  rose')), { message: 'the river rose', exitCode: 1 });
  const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });
  t.same(unexpectedFault(starting), { message: 'the database system is starting up', exitCode: 69 });
  t.equal(unexpectedFault(new AggregateError([starting])).exitCode, 69);
});
