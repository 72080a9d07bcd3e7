import { Provider } from 'oidc-provider';

/**
 * A real OpenID Connect provider with its own login page, where every name is let in. `PEOPLE` (JSON) says what it claims of whom. Prints its issuer
 * once it listens.
 */
const people = JSON.parse(process.env.PEOPLE ?? '{}') as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const issuer = process.env.ISSUER ?? '';

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'gatehouse',
      client_secret: process.env.CLIENT_SECRET ?? '',
      redirect_uris: [process.env.REDIRECT_URI ?? ''],
      post_logout_redirect_uris: [process.env.HOME_URI ?? ''],
    },
  ],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email'] },
  findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ['a key of a test'] },
});

provider.listen(Number(new URL(issuer).port), '127.0.0.1', () => process.stdout.write(`${issuer}\n`));
