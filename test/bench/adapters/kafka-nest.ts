import "reflect-metadata";
import { Controller, type INestMicroservice, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientKafka, EventPattern, type MicroserviceOptions, Payload, Transport } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import type { BenchClock, Load } from "./broker-bench.ts";

/** NestJS's Kafka transport, as its documentation has it: `emit` for each event, a controller with an `@EventPattern`. */

export async function nestSender(brokers: readonly string[], topic: string) {
  const client = new ClientKafka({
    client: { brokers: [...brokers], logLevel: 0 },
    producerOnlyMode: true,
  });
  await client.connect();
  return {
    one: async ({ key, data }: Load) =>
      void (await firstValueFrom(client.emit(topic, { key, value: JSON.stringify(data) }))),
    close: () => client.close(),
  };
}

/** Resolves when so many events have reached the controller. */
export async function nestConsume(
  brokers: readonly string[],
  topic: string,
  count: number,
  clock: BenchClock,
): Promise<void> {
  let left = count;
  const all = Promise.withResolvers<void>();
  class Handlers {
    handle(): void {
      clock.first();
      if (--left === 0) all.resolve();
    }
  }
  // Decorators by hand: the repository's TypeScript is only what can be erased.
  EventPattern(topic)(Handlers.prototype, "handle", Object.getOwnPropertyDescriptor(Handlers.prototype, "handle")!);
  Payload()(Handlers.prototype, "handle", 0);
  Controller()(Handlers);
  class Application {}
  Module({ controllers: [Handlers] })(Application);
  const service: INestMicroservice = await NestFactory.createMicroservice<MicroserviceOptions>(Application, {
    logger: false,
    transport: Transport.KAFKA,
    options: {
      client: { brokers: [...brokers], logLevel: 0 },
      consumer: { groupId: `nest-${topic}`, maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
    },
  });
  await service.listen();
  await all.promise;
  clock.last();
  await service.close();
}
