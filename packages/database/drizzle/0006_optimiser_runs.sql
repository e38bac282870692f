CREATE TABLE "optimiser_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"trigger" text NOT NULL,
	"advice" text,
	"status" text NOT NULL,
	"progress" jsonb,
	"result" jsonb,
	"error" text,
	"cancel_requested" boolean DEFAULT false NOT NULL,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "optimiser_runs_status_check" CHECK ("optimiser_runs"."status" in ('running', 'done', 'failed', 'cancelled', 'interrupted'))
);
