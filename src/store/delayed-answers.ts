import { sql } from 'kysely';
import type { DelayedAnswer, DelayedAnswerStore } from '../enrolment/delayed-answers.js';
import type { Session } from '../enrolment/order.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { storableJson } from './text.js';

interface Row {
  readonly requester: Buffer;
  readonly session: Session;
  readonly created_at: Date;
  readonly answer: Buffer | null;
}

export function delayedAnswerStore(connection: Connection): DelayedAnswerStore {
  return {
    async announce({ tenantId }, key, requester, session) {
      const statement = sql`insert into delayed_answers (key, tenant_id, requester, session)
        values (${key}, ${tenantId}, ${requester}, ${storableJson(session)}::jsonb) on conflict (key) do nothing returning 1`;
      return (await rowsOf(connection, statement)).length === 1;
    },
    async complete({ tenantId }, key, answer) {
      await rowsOf(connection, sql`update delayed_answers set answer = ${answer} where key = ${key} and tenant_id = ${tenantId} and answer is null`);
    },
    async find({ tenantId }, key) {
      const query = sql<Row>`select requester, session, created_at, answer from delayed_answers where key = ${key} and tenant_id = ${tenantId}`;
      const row = await firstOf(connection, query);
      return row && toAnswer(row);
    },
    async updateSession({ tenantId }, key, session, expected = {}) {
      const change = storableJson(session);
      const statement = sql`update delayed_answers set session = session || ${change}::jsonb
        where key = ${key} and tenant_id = ${tenantId} and session @> ${storableJson(expected)}::jsonb returning 1`;
      return (await rowsOf(connection, statement)).length === 1;
    },
    forget: async () => (await rowsOf(connection, sql`delete from delayed_answers where created_at < now() - interval '24 hours' returning 1`)).length,
  };
}

function toAnswer({ requester, session, created_at, answer }: Row): DelayedAnswer {
  return { requester, session, since: created_at, answer };
}
