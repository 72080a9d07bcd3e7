import {
  IconAlertTriangle,
  IconBell,
  IconBuilding,
  IconCertificate,
  IconDeviceLaptop,
  IconFileCode,
  IconHistory,
  IconLayoutDashboard,
  IconListDetails,
  IconPlugConnected,
  IconRocket,
  IconServerBolt,
  IconSettings,
  IconShield,
  IconUserCheck,
  IconUsers,
} from '@tabler/icons-react';
import type { Permission } from '../api/types.js';
import { words } from '../strings/index.js';

export interface MenuItem {
  readonly to: string;
  readonly label: string;
  readonly icon: typeof IconShield;
  /** Who lacks it does not see the entry. */
  readonly needs: Permission;
}

const { menu } = words.shell;

/** The sidebar from top to bottom; `Protocols` is a group of two. */
export const menuItems: readonly (MenuItem | { readonly group: string; readonly items: readonly MenuItem[] })[] = [
  { to: '/dashboard', label: menu.dashboard, icon: IconLayoutDashboard, needs: 'order:read' },
  {
    group: words.shell.protocols,
    items: [
      { to: '/cmp-server', label: menu.cmp, icon: IconServerBolt, needs: 'profile:read' },
      { to: '/scep-server', label: menu.scep, icon: IconShield, needs: 'profile:read' },
    ],
  },
  { to: '/connectors', label: menu.connectors, icon: IconPlugConnected, needs: 'connector:read' },
  { to: '/orders', label: menu.orders, icon: IconListDetails, needs: 'order:read' },
  { to: '/approvals', label: menu.approvals, icon: IconUserCheck, needs: 'order:read' },
  { to: '/refusals', label: menu.refusals, icon: IconAlertTriangle, needs: 'refusal:read' },
  { to: '/certificates', label: menu.certificates, icon: IconCertificate, needs: 'certificate:read' },
  { to: '/accounts', label: menu.accounts, icon: IconDeviceLaptop, needs: 'account:read' },
  { to: '/audit', label: menu.audit, icon: IconHistory, needs: 'audit:read' },
  { to: '/notifications', label: menu.notifications, icon: IconBell, needs: 'notification-rule:read' },
  { to: '/tenants', label: menu.tenants, icon: IconBuilding, needs: 'tenant:read' },
  { to: '/users', label: menu.users, icon: IconUsers, needs: 'user:read' },
  { to: '/settings', label: menu.settings, icon: IconSettings, needs: 'audit:read' },
  { to: '/decoder', label: menu.decoder, icon: IconFileCode, needs: 'message:decode' },
  { to: '/setup', label: menu.setup, icon: IconRocket, needs: 'profile:write' },
];
