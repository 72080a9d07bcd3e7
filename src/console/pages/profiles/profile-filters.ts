import { useConnectors } from '../../api/hooks.js';
import { useTenant } from '../../app/tenant.js';
import type { Filter } from '../../components/filter-bar.js';
import { statusOptions } from '../../components/status-select.js';
import { words } from '../../strings/index.js';

const rates = ['50', '80', '90', '95', '99'];
const { common, profiles } = words;

export const statusFilter: Filter = {
  name: 'status',
  label: common.status,
  options: statusOptions,
};

const rateOptions = rates.map((value) => ({ value, label: profiles.percent(value) }));

/** Status, connector, and how well the orders went. */
export function useProfileFilters(): readonly Filter[] {
  const { tenantId } = useTenant();
  const { data } = useConnectors(tenantId);
  const connectors = (data?.items ?? []).filter(({ type }) => type !== 'smtp').map(({ id, name }) => ({ value: id, label: name }));
  return [
    statusFilter,
    { name: 'connectorId', label: profiles.connector, options: connectors },
    { name: 'minSuccessRate', label: profiles.minSuccessRate, options: rateOptions },
    { name: 'maxSuccessRate', label: profiles.maxSuccessRate, options: rateOptions },
  ];
}

export const profileFilterNames = ['status', 'connectorId', 'minSuccessRate', 'maxSuccessRate'] as const;
