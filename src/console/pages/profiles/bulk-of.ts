import type { Bulk } from '../../components/bulk.js';
import type { Managed, ManagedPlace } from '../../components/managed.js';
import { words } from '../../strings/index.js';

const { bulk, common } = words;

type Switched = Managed & { readonly status: 'active' | 'inactive' };

/** Many connectors or profiles switched on or off, or deleted. `removeText`: what a deletion means. */
export function bulkOf<T extends Switched>({ path, writes }: ManagedPlace, removeText: string): Bulk<T> {
  return {
    nameOf: ({ name }) => name,
    actions: [
      {
        ...{ path: `${path}/bulk/status`, needs: writes, body: { status: 'active' } },
        ...{ label: bulk.activate, title: bulk.activateTitle, text: bulk.activateText },
        fits: ({ status }) => status === 'inactive',
      },
      {
        ...{ path: `${path}/bulk/status`, needs: writes, body: { status: 'inactive' }, isGrave: true },
        ...{ label: bulk.deactivate, title: bulk.deactivateTitle, text: bulk.deactivateText },
        fits: ({ status }) => status === 'active',
      },
      {
        ...{ path: `${path}/bulk/delete`, needs: writes, isGrave: true },
        ...{ label: common.remove, title: bulk.removeTitle, text: removeText },
        fits: () => true,
      },
    ],
  };
}
