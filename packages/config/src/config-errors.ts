import { defineErrors } from "@waybill/core/spi";

/** Every error that reading or using a config file raises. None of them repeats a value, which could be a secret. */
export const configErrors = defineErrors({
  WB_CONFIG_NOT_FOUND: {
    sentence: (p: { where: string }) => `There is no Waybill config ${p.where}.`,
    hint: "Write waybill.config.yaml (or .yml, .json, .ts), or name a file with --config or WAYBILL_CONFIG.",
  },
  WB_CONFIG_AMBIGUOUS: {
    sentence: (p: { folder: string; files: string }) => `${p.folder} has several Waybill configs: ${p.files}.`,
    hint: "Keep one, or name the one you mean with --config or WAYBILL_CONFIG.",
  },
  WB_CONFIG_UNREADABLE: {
    sentence: (p: { file: string; problem: string }) => `${p.file} cannot be read: ${p.problem}.`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what the file holds
    hint: 'Check the syntax there. In YAML, a value in braces needs quotes: { connectionString: "${NAME}" }.',
  },
  WB_CONFIG_VARIABLE_MISSING: {
    sentence: (p: { file: string; variables: readonly { name: string; path: string }[] }) =>
      `${p.file} needs ${p.variables.map((v) => `the environment variable ${v.name} (at ${v.path})`).join(" and ")}.`,
    hint: (p) =>
      `Set ${p.variables.length === 1 ? "it" : "them"}, or give a default in the file: \${${p.variables[0]?.name}:-default}.`,
  },
  WB_CONFIG_INVALID: {
    sentence: (p: { file: string; problems: readonly string[] }) =>
      p.problems.length === 1
        ? `${p.file}: ${p.problems[0]}.`
        : `${p.file} has ${p.problems.length} problems:${p.problems.map((problem) => `\n  - ${problem}`).join("")}\n`,
    hint: "`waybill config` prints every value with its origin; docs/guide/configuration.md lists every key.",
  },
  WB_CONFIG_SECTION_MISSING: {
    sentence: (p: { file: string; section: string }) => `${p.file} has no ${p.section} section.`,
    hint: (p) => `Add one, such as ${p.section}: { store: sqlite, path: ./${p.section}.db }.`,
  },
  WB_ADAPTER_NOT_INSTALLED: {
    sentence: (p: { broker: string; package: string }) =>
      `The broker ${p.broker} needs the package ${p.package}, which is not installed.`,
    hint: (p) => `Run: npm install ${p.package} (or pnpm add ${p.package}).`,
  },
  WB_ADAPTER_UNLOADABLE: {
    sentence: (p: { broker: string; package: string; problem: string }) =>
      `The adapter ${p.package} of the broker ${p.broker} cannot be used: ${p.problem}.`,
    hint: "An adapter package exports a function (options) => Adapter, as its default export when it is not one of Waybill's own.",
  },
  WB_REDIS_NOT_INSTALLED: {
    sentence: () => "The inbox is to be in Redis, and the package redis is not installed.",
    hint: "Install it: npm install redis. Or make a client of your own and give it to redisInbox of @waybill/outbox/redis.",
  },
  WB_CONFIG_NO_DATABASE: {
    sentence: (p: { file: string; section: string; store: string }) =>
      `The ${p.section} of ${p.file} is in ${p.store}, which is no database with transactions.`,
    hint: "Use openInbox, which takes any inbox; or name sqlite, postgres or mysql.",
  },
  WB_CLAIM_CHECK_NOT_INSTALLED: {
    sentence: (p: { store: string; package: string }) =>
      `The claim check store ${p.store} needs the package ${p.package}, which is not installed.`,
    hint: (p) => `Run: npm install ${p.package} (or pnpm add ${p.package}).`,
  },
  WB_REDIS_UNREACHABLE: {
    sentence: (p: { problem: string }) => `The Redis of the inbox cannot be used: ${p.problem}.`,
    hint: "Check inbox.url, the network and the credentials.",
  },
  WB_TOPOLOGY_MODE: {
    sentence: () => "The option topology of openBus is none of leave, verify, apply.",
    hint: "Leave it out to do as the configuration says.",
  },
  WB_TOPOLOGY_MISSING: {
    sentence: (p: { steps: readonly string[] }) => `The brokers lack what the configuration needs: ${listed(p.steps)}.`,
    hint: "Run `waybill topology apply`, or open the bus with topology: apply. Neither makes what stands here as by hand, such as the hubs and consumer groups of Event Hubs and the topics and event subscriptions of Event Grid: `waybill topology plan` prints the az command for each.",
  },
  WB_TOPOLOGY_REFUSED: {
    sentence: (p: { steps: readonly string[] }) =>
      `The brokers differ from the configuration in what an operator must make or change: ${listed(p.steps)}.`,
    hint: "`waybill topology plan` says for each why, and the command that makes it where only the management plane can.",
  },
});

/** Some of them by name; the rest by number. */
function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).join(", ");
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
