import { ponder } from "ponder:registry";
import { transfer } from "ponder:schema";

// A transfer between two watched addresses matches both filters and arrives twice.
ponder.on("Token:Transfer", async ({ event, context }) => {
  const row = {
    id: `${event.block.number}-${event.log.logIndex}`,
    block: Number(event.block.number),
    from: event.args.from,
    to: event.args.to,
    value: event.args.value,
  };
  await context.db.insert(transfer).values(row).onConflictDoNothing();
});
