import t from 'tap';
import { keepLists } from '../../src/connectors/kept-lists.js';

const list = (text: string) => Buffer.from(text);

function stand() {
  const clock = { ms: 0 };
  const lists = keepLists(() => clock.ms);
  const asked: string[] = [];
  const under = (key: string, answer: string | undefined) =>
    lists.under(key, async () => {
      asked.push(key);
      return answer === undefined ? undefined : list(answer);
    });
  return { clock, lists, asked, under };
}

t.test('a list is asked for once a minute, however many want it', async (t) => {
  const { clock, asked, under } = stand();
  t.same(await Promise.all([under('a', 'one'), under('a', 'two'), under('a', 'three')]), [list('one'), list('one'), list('one')]);
  clock.ms = 59_999;
  t.same(await under('a', 'two'), list('one'));
  clock.ms = 60_000;
  t.same(await under('a', 'two'), list('two'));
  t.same(asked, ['a', 'a']);
});

t.test('where none can be had the one of before stays, and that there was none is asked again a minute later', async (t) => {
  const { clock, lists, under } = stand();
  t.equal(await under('a', undefined), undefined);
  clock.ms = 60_000;
  t.same(await under('a', 'one'), list('one'));
  lists.outdate();
  t.same(await under('a', undefined), list('one'));
  lists.outdate();
  t.same(await under('a', 'two'), list('two'));
});

t.test('an ask that breaks is not kept', async (t) => {
  const { lists, under } = stand();
  await t.rejects(
    lists.under('a', () => Promise.reject(new Error('no way'))),
    /no way/,
  );
  t.same(await under('a', 'one'), list('one'));
});

t.test('names of nobody do not fill the memory', async (t) => {
  const { asked, under } = stand();
  for (let index = 0; index < 9; index += 1) await under(`name-${index}`, undefined);
  await under('name-8', undefined);
  t.equal(asked.length, 9, 'the newest is kept');
  await under('name-0', undefined);
  t.equal(asked.length, 10, 'the oldest is not');
});
