import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useConnectors } from '../../api/hooks.js';
import { Foreign } from '../../components/foreign.js';

/** A connector by its name, which is looked up where only the id is known. */
export function ConnectorLink({ id, name }: { readonly id: string; readonly name?: string }) {
  return (
    <Anchor component={Link} to={`/connectors/${id}`} size="sm">
      {name === undefined ? <LookedUp id={id} /> : <Foreign text={name} wrap />}
    </Anchor>
  );
}

function LookedUp({ id }: { readonly id: string }) {
  const { data } = useConnectors();
  return <Foreign text={data?.items.find((connector) => connector.id === id)?.name ?? id} wrap />;
}
