import type { ConformanceCase } from "../case.ts";
import { consumeCases } from "./core/consume.ts";
import { busDeadLetterCases } from "./core/dead-letter.ts";
import { publishCases } from "./core/publish.ts";
import { retryCases } from "./core/retry.ts";
import { stopCases } from "./core/stop.ts";
import { byteCases } from "./spi/bytes.ts";
import { deadLetterCases } from "./spi/dead-letter.ts";
import { leaseCases } from "./spi/lease.ts";
import { lifeCases } from "./spi/life.ts";
import { nameCases } from "./spi/names.ts";
import { orderCases } from "./spi/order.ts";
import { receiveCases } from "./spi/receive.ts";
import { releaseCases } from "./spi/release.ts";
import { sendCases } from "./spi/send.ts";
import { settleCases } from "./spi/settle.ts";
import { topologyCases } from "./spi/topology.ts";

/** Every rule of the suite: first of the adapter alone, then of core over it. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...lifeCases,
  ...nameCases,
  ...topologyCases,
  ...sendCases,
  ...byteCases,
  ...receiveCases,
  ...settleCases,
  ...orderCases,
  ...leaseCases,
  ...releaseCases,
  ...deadLetterCases,
  ...publishCases,
  ...consumeCases,
  ...stopCases,
  ...retryCases,
  ...busDeadLetterCases,
];
