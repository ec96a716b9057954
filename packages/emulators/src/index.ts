export { type Azurite, type AzuriteOptions, startAzurite } from "./azurite.ts";
