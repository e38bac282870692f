CREATE TABLE "cache_witness" (
	"node" text PRIMARY KEY NOT NULL,
	"said_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
