import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Foreign } from '../../components/foreign.js';

export function ConnectorLink({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <Anchor component={Link} to={`/connectors/${id}`} size="sm">
      <Foreign text={name} wrap />
    </Anchor>
  );
}
