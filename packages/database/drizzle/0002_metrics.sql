CREATE TABLE "metric_servers" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "metric_servers_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"last_seen_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "metric_servers_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "metric_slots" (
	"step" smallint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"server_id" integer NOT NULL,
	"data" "bytea" NOT NULL,
	CONSTRAINT "metric_slots_step_at_server_id_pk" PRIMARY KEY("step","at","server_id")
);
--> statement-breakpoint
ALTER TABLE "metric_slots" ADD CONSTRAINT "metric_slots_server_id_metric_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."metric_servers"("id") ON DELETE cascade ON UPDATE no action;