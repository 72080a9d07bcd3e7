import { createContext, type ReactNode, use } from 'react';
import type { KnownSession, Permission } from '../api/types.js';

const SessionContext = createContext<KnownSession | undefined>(undefined);

export function SessionProvider({ session, children }: { readonly session: KnownSession; readonly children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Who is logged in; only used inside the shell, which is not shown to anybody else. */
export function useSession(): KnownSession {
  const session = use(SessionContext);
  if (session === undefined) throw new Error('nobody is logged in');
  return session;
}

/** Whether the server would let this caller do it. What they may not do is not offered; the server decides all the same. */
export function useMay(): (permission: Permission) => boolean {
  const { permissions } = useSession();
  return (permission) => permissions.includes(permission);
}
