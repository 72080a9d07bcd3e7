import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router';
import { sessionQuery } from '../api/queries.js';
import { PageFailed, PageMissing } from './fallbacks.js';
import { parseSearch, writeSearch } from './url-state.js';

interface RouterContext {
  readonly queries: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet, notFoundComponent: PageMissing, errorComponent: PageFailed });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('../pages/login/login-page.js'), 'LoginPage'),
});

const loadShell = () => import('./shell.js');

/** Everything but the login; who is nobody yet is sent there and comes back afterwards. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: lazyRouteComponent(loadShell, 'Shell'),
  beforeLoad: async ({ context, location }) => {
    const session = await context.queries.ensureQueryData(sessionQuery);
    if (!session.authenticated) throw redirect({ to: '/login', search: location.pathname === '/' ? {} : { next: location.href } });
  },
});

const start = createRoute({
  getParentRoute: () => inside,
  path: '/',
  beforeLoad: async ({ context }) => {
    const session = await context.queries.ensureQueryData(sessionQuery);
    const mayLook = session.authenticated && session.permissions.includes('order:read');
    throw redirect({ to: mayLook ? '/dashboard' : '/profile' });
  },
});

type Loader = Parameters<typeof lazyRouteComponent>[0];

const loaders = new Map<string, Loader>();

const page = <P extends string>(path: P, load: Loader, name: string) => {
  loaders.set(path, load);
  return createRoute({ getParentRoute: () => inside, path, component: lazyRouteComponent(load, name as never) });
};

const pages = [
  page('/dashboard', () => import('../pages/dashboard/dashboard-page.js'), 'DashboardPage'),
  page('/cmp-server', () => import('../pages/cmp-server/cmp-page.js'), 'CmpPage'),
  page('/cmp-server/$id', () => import('../pages/cmp-server/cmp-page.js'), 'CmpDetail'),
  page('/scep-server', () => import('../pages/scep-server/scep-page.js'), 'ScepPage'),
  page('/scep-server/$id', () => import('../pages/scep-server/scep-page.js'), 'ScepDetail'),
  page('/connectors', () => import('../pages/connectors/connectors-page.js'), 'ConnectorsPage'),
  page('/connectors/$id', () => import('../pages/connectors/connector-detail.js'), 'ConnectorDetail'),
  page('/orders', () => import('../pages/orders/orders-page.js'), 'OrdersPage'),
  page('/orders/$id', () => import('../pages/orders/order-detail.js'), 'OrderDetail'),
  page('/approvals', () => import('../pages/approvals/approvals-page.js'), 'ApprovalsPage'),
  page('/refusals', () => import('../pages/refusals/refusals-page.js'), 'RefusalsPage'),
  page('/certificates', () => import('../pages/certificates/certificates-page.js'), 'CertificatesPage'),
  page('/certificates/$id', () => import('../pages/certificates/certificate-detail.js'), 'CertificateDetail'),
  page('/unknown-certificates', () => import('../pages/unknown-certificates/unknown-page.js'), 'UnknownPage'),
  page('/accounts', () => import('../pages/accounts/accounts-page.js'), 'AccountsPage'),
  page('/audit', () => import('../pages/audit/audit-page.js'), 'AuditPage'),
  page('/tenants', () => import('../pages/tenants/tenants-page.js'), 'TenantsPage'),
  page('/users', () => import('../pages/users/users-page.js'), 'UsersPage'),
  page('/users/$id', () => import('../pages/users/user-detail.js'), 'UserDetail'),
  page('/notifications', () => import('../pages/notifications/rules-page.js'), 'RulesPage'),
  page('/notifications/mails', () => import('../pages/notifications/mails-page.js'), 'MailsPage'),
  page('/notifications/$id', () => import('../pages/notifications/rule-detail.js'), 'RuleDetail'),
  page('/settings', () => import('../pages/settings/settings-page.js'), 'SettingsPage'),
  page('/setup', () => import('../pages/setup/setup-page.js'), 'SetupPage'),
  page('/profile', () => import('../pages/profile/profile-page.js'), 'ProfilePage'),
  page('/decoder', () => import('../pages/decoder/decoder-page.js'), 'DecoderPage'),
];

/** Begins to load a page and what is around it while it is still being found out who asks: the two need not wait for each other. */
export function warmUp(pathname: string): void {
  const [, place, id] = pathname.split('/');
  const load = loaders.get(place === '' ? '/dashboard' : id === undefined ? `/${place}` : `/${place}/$id`);
  if (load === undefined) return;
  // What cannot be loaded now is tried again, and told, by the router.
  for (const begin of [loadShell, load]) void begin().catch(() => undefined);
}

export function createConsoleRouter(queries: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([login, inside.addChildren([start, ...pages])]),
    context: { queries },
    parseSearch,
    stringifySearch: writeSearch,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
  });
}
