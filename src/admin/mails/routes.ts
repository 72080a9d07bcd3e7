import type { Mail, MailDesk } from '../../notification/ports.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import { Problem } from '../problem.js';
import { visible } from '../tenant-scope.js';
import { mailListQuery, mailPage, mailView, wholeMailSchema, wholeMailView } from './schema.js';

const tags = ['mails'];

async function findMail(mails: MailDesk, caller: Caller, id: string): Promise<Mail> {
  return visible(caller, await mails.find(contextOf(caller), id));
}

export function mailRoutes(app: AdminApp, mails: MailDesk): void {
  listRoute(app, {
    path: '/mails',
    tags,
    operationId: 'listMails',
    summary: 'List mails',
    access: 'mail:read',
    query: mailListQuery,
    page: mailPage,
    list: ({ context, query }) => mails.list(context, query),
    view: (items) => items.map(mailView),
  });

  app.get(
    '/mails/:id',
    {
      config: { access: 'mail:read' },
      schema: { tags, operationId: 'getMail', summary: 'Read a mail', params: idParams, response: answers({ 200: wholeMailSchema }) },
    },
    async (request) => wholeMailView(await findMail(mails, callerOf(request), request.params.id)),
  );

  app.post(
    '/mails/:id/retry',
    {
      config: { access: 'mail:retry' },
      schema: { tags, operationId: 'retryMail', summary: 'Send a dead mail again', params: idParams, response: answers({ 200: wholeMailSchema }) },
    },
    async (request) => {
      const caller = callerOf(request);
      const mail = await findMail(mails, caller, request.params.id);
      const isWaiting = await mails.retry(tenantContext(mail.tenantId, caller.actor), mail.id);
      if (!isWaiting) throw new Problem('wrong-state', { detail: refusalOf(mail) });
      return wholeMailView(await findMail(mails, caller, mail.id));
    },
  );
}

function refusalOf({ state }: Mail): string {
  return state === 'dead' ? 'The rule of this mail is gone; make a new one to hear of what comes.' : `Only dead mails are sent again; this one is ${state}.`;
}
