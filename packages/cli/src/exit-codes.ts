/** What the command's exit code tells a script. Listed in `waybill --help` and docs/guide/cli.md. */
export const EXIT = {
  ok: 0,
  /** Something was not done: an event refused, a dead letter not found, a drain that ran out of time. */
  failure: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** A broker or the outbox's database cannot be reached, or refuses the credentials. */
  broker: 3,
  /** Nothing failed, but what was looked at is not as it should be: `topology plan` has steps, `check` found a refusal, `outbox status` old tables. */
  differs: 4,
  /** Cut short by SIGINT. */
  interrupted: 130,
  /** Cut short by SIGTERM. */
  terminated: 143,
} as const;

export const EXIT_HELP = `
Exit codes:
  0    done; also relay and tail after a drain, and dev, on SIGTERM or SIGINT
  1    something was not done: the error says what
  2    the command line or the configuration is wrong; nothing was tried
  3    a broker or the outbox's database cannot be reached, or refuses the credentials
  4    topology plan has steps, check found something that would be refused, or outbox status tables that are not up to date
  130  cut short by SIGINT (143 by SIGTERM), or by a second signal`;
