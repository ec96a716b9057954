export { type Azurite, type AzuriteOptions, startAzurite } from "./azurite.ts";
export * from "./service-bus/index.ts";
