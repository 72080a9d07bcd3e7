import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Foreign } from './foreign.js';

/** The name of an object, which leads to its page. */
export function NameLink({ to, name }: { readonly to: string; readonly name: string }) {
  return (
    <Anchor component={Link} to={to} size="sm" fw={600}>
      <Foreign text={name} />
    </Anchor>
  );
}
