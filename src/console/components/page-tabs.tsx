import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { useUrlState } from '../app/url-state.js';

export interface PageTab {
  readonly value: string;
  readonly label: string;
  render(): ReactNode;
}

/** Parts of a page behind tabs; which one is open stands in the address. What belongs to a list behind a tab is left behind with it. */
export function PageTabs({ tabs, label }: { readonly tabs: readonly PageTab[]; readonly label: string }) {
  const [{ tab, ...rest }, change] = useUrlState();
  const open = tabs.find(({ value }) => value === tab) ?? tabs[0];
  const forget = Object.fromEntries(Object.keys(rest).map((name) => [name, undefined]));
  const choose = (value: string | null): void => change({ ...forget, tab: value === tabs[0]?.value ? undefined : (value ?? undefined) });
  return (
    <Tabs value={open?.value ?? null} onChange={choose} keepMounted={false}>
      <Tabs.List aria-label={label} mb="md">
        {tabs.map(({ value, label: text }) => (
          <Tabs.Tab key={value} value={value}>
            {text}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map(({ value, render }) => (
        <Tabs.Panel key={value} value={value}>
          {render()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
