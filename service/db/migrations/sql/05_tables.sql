-- Every table of the first schema, as it was made. Written once from the mapped classes; never edited again:
-- a test compares a migrated database with the classes, and later changes are migrations of their own.

CREATE TABLE account (
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	owner_id UUID,
	currency TEXT NOT NULL,
	balance_mode TEXT NOT NULL,
	balance_minor BIGINT DEFAULT 0 NOT NULL,
	CONSTRAINT account_pk PRIMARY KEY (id),
	CONSTRAINT account_id_currency_key UNIQUE (id, currency),
	CONSTRAINT account_currency_check CHECK (right(id, 4) = ':' || currency AND currency ~ '^[A-Z]{3}$'),
	CONSTRAINT account_kind_check CHECK (split_part(id, ':', 1) = kind),
	CONSTRAINT account_balance_mode_check CHECK (balance_mode IN ('locked', 'derived')),
	CONSTRAINT account_locked_kinds_check CHECK ((balance_mode = 'locked') = (kind IN ('payable', 'deposit'))),
	CONSTRAINT account_balance_check CHECK (balance_minor >= 0),
	CONSTRAINT account_derived_balance_check CHECK (balance_mode = 'locked' OR balance_minor = 0)
);

CREATE INDEX account_owner_idx ON account (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE carrier_notice (
	id UUID NOT NULL,
	carrier TEXT NOT NULL,
	signature TEXT NOT NULL,
	record JSONB NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	applied_at TIMESTAMP WITH TIME ZONE,
	outcome TEXT,
	CONSTRAINT carrier_notice_pk PRIMARY KEY (id),
	CONSTRAINT carrier_notice_signature_key UNIQUE (signature)
);

CREATE TABLE deadline (
	id UUID NOT NULL,
	name TEXT NOT NULL,
	subject_id UUID NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	handler TEXT NOT NULL,
	payload JSONB NOT NULL,
	state TEXT NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT deadline_pk PRIMARY KEY (id),
	CONSTRAINT deadline_state_check CHECK (state IN ('pending', 'fired', 'cancelled'))
);

CREATE INDEX deadline_due_idx ON deadline (due_at) WHERE state = 'pending';

CREATE UNIQUE INDEX deadline_pending_key ON deadline (name, subject_id) WHERE state = 'pending';

CREATE TABLE event (
	seq BIGINT GENERATED ALWAYS AS IDENTITY,
	xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
	id UUID NOT NULL,
	name TEXT NOT NULL,
	subject_kind TEXT NOT NULL,
	subject_id UUID NOT NULL,
	tenant_id UUID,
	actor_id UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	facts JSONB NOT NULL,
	CONSTRAINT event_pk PRIMARY KEY (seq),
	CONSTRAINT event_id_key UNIQUE (id)
);

CREATE INDEX event_relay_idx ON event (xid, seq);

CREATE INDEX event_subject_idx ON event (subject_id, seq);

CREATE TABLE event_relay (
	name TEXT NOT NULL,
	xid xid8 NOT NULL,
	seq BIGINT NOT NULL,
	CONSTRAINT event_relay_pk PRIMARY KEY (name)
);

CREATE TABLE file_key (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	case_id UUID NOT NULL,
	wrapped_key BYTEA,
	legal_hold BOOLEAN NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	destroyed_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT file_key_pk PRIMARY KEY (id),
	CONSTRAINT file_key_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT file_key_destroyed_check CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL)),
	CONSTRAINT file_key_legal_hold_check CHECK (NOT legal_hold OR destroyed_at IS NULL),
	CONSTRAINT file_key_case_id_key UNIQUE (case_id)
);

CREATE TABLE gateway_notice (
	id TEXT NOT NULL,
	body JSONB NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	applied_at TIMESTAMP WITH TIME ZONE,
	outcome TEXT,
	CONSTRAINT gateway_notice_pk PRIMARY KEY (id),
	CONSTRAINT gateway_notice_outcome_check CHECK (outcome IN ('applied', 'no_change', 'unknown_payment', 'differs')),
	CONSTRAINT gateway_notice_applied_check CHECK ((applied_at IS NULL) = (outcome IS NULL))
);

CREATE TABLE idempotency_key (
	principal TEXT NOT NULL,
	key TEXT NOT NULL,
	fingerprint BYTEA NOT NULL,
	status BIGINT,
	content_type TEXT,
	location TEXT,
	body BYTEA,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT idempotency_key_pk PRIMARY KEY (principal, key)
);

CREATE TABLE person (
	id UUID NOT NULL,
	email TEXT,
	phone TEXT,
	name TEXT NOT NULL,
	language TEXT NOT NULL,
	password_hash TEXT,
	email_verified_at TIMESTAMP WITH TIME ZONE,
	phone_verified_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT person_pk PRIMARY KEY (id),
	CONSTRAINT person_email_lower_check CHECK (email = lower(email)),
	CONSTRAINT person_language_check CHECK (language IN ('en', 'zh')),
	CONSTRAINT person_password_hash_check CHECK (password_hash LIKE '$argon2id$%'),
	CONSTRAINT person_email_key UNIQUE (email)
);

CREATE TABLE policy (
	id UUID NOT NULL,
	name TEXT NOT NULL,
	category TEXT NOT NULL,
	jurisdiction TEXT NOT NULL,
	version BIGINT NOT NULL,
	value BIGINT NOT NULL,
	unit TEXT NOT NULL,
	effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT policy_pk PRIMARY KEY (id),
	CONSTRAINT policy_name_category_jurisdiction_version_key UNIQUE (name, category, jurisdiction, version)
);

CREATE TABLE report_file (
	id UUID NOT NULL,
	reference TEXT NOT NULL,
	kind TEXT NOT NULL,
	subject_id UUID NOT NULL,
	as_of TIMESTAMP WITH TIME ZONE NOT NULL,
	language TEXT NOT NULL,
	paper TEXT NOT NULL,
	redaction TEXT NOT NULL,
	renderer_version TEXT NOT NULL,
	facts_sha256 TEXT NOT NULL,
	rows JSONB NOT NULL,
	object_name TEXT NOT NULL,
	pdf_sha256 TEXT,
	size_bytes BIGINT,
	version_id TEXT,
	stored_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT report_file_pk PRIMARY KEY (id),
	CONSTRAINT report_file_key UNIQUE (kind, subject_id, as_of, language, paper, redaction, renderer_version),
	CONSTRAINT report_file_kind_check CHECK (kind IN ('batch_dossier')),
	CONSTRAINT report_file_language_check CHECK (language IN ('en', 'zh')),
	CONSTRAINT report_file_paper_check CHECK (paper IN ('A4', 'Letter')),
	CONSTRAINT report_file_redaction_check CHECK (redaction IN ('regulator_only')),
	CONSTRAINT report_file_stored_check CHECK (num_nulls(pdf_sha256, size_bytes, version_id, stored_at) IN (0, 4)),
	CONSTRAINT report_file_reference_key UNIQUE (reference),
	CONSTRAINT report_file_object_name_key UNIQUE (object_name)
);

CREATE INDEX report_file_same_idx ON report_file (subject_id, facts_sha256) WHERE stored_at IS NOT NULL;

CREATE TABLE resolution (
	hold_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	seller_id UUID NOT NULL,
	outcome TEXT NOT NULL,
	cause TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	fee_bps BIGINT NOT NULL,
	buyer_minor BIGINT NOT NULL,
	seller_minor BIGINT NOT NULL,
	fee_minor BIGINT NOT NULL,
	claimed_minor BIGINT DEFAULT 0 NOT NULL,
	rest_minor BIGINT DEFAULT 0 NOT NULL,
	claimed_hold_id UUID,
	rest_hold_id UUID,
	decision_id UUID,
	actor_id UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT resolution_pk PRIMARY KEY (hold_id),
	CONSTRAINT resolution_cause_check CHECK (cause IN ('chargeback', 'claim', 'refund', 'ruling', 'sweep', 'waiver')),
	CONSTRAINT resolution_parts_sign_check CHECK (buyer_minor >= 0 AND seller_minor >= 0 AND fee_minor >= 0 AND claimed_minor >= 0 AND rest_minor >= 0),
	CONSTRAINT resolution_parts_check CHECK (buyer_minor + seller_minor + fee_minor + claimed_minor + rest_minor = amount_minor),
	CONSTRAINT resolution_fee_check CHECK (fee_minor = ((seller_minor + fee_minor) / 10000 * fee_bps + mod((seller_minor + fee_minor), 10000) * fee_bps / 10000)),
	CONSTRAINT resolution_outcome_check CHECK (CASE outcome WHEN 'released' THEN seller_minor + fee_minor = amount_minor WHEN 'refunded' THEN buyer_minor = amount_minor WHEN 'charged_back' THEN buyer_minor = amount_minor WHEN 'split' THEN buyer_minor > 0 AND seller_minor + fee_minor > 0 AND claimed_minor + rest_minor = 0 WHEN 'divided' THEN claimed_minor > 0 AND rest_minor > 0 AND claimed_minor + rest_minor = amount_minor ELSE false END),
	CONSTRAINT resolution_children_check CHECK ((outcome = 'divided') = (claimed_hold_id IS NOT NULL) AND (outcome = 'divided') = (rest_hold_id IS NOT NULL) AND claimed_hold_id <> rest_hold_id)
);

CREATE TABLE scope (
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	freeze_count BIGINT DEFAULT 0 NOT NULL,
	CONSTRAINT scope_pk PRIMARY KEY (kind, key),
	CONSTRAINT scope_kind_check CHECK (kind IN ('batch', 'seller', 'seller_product')),
	CONSTRAINT scope_freeze_count_check CHECK (freeze_count >= 0)
);

CREATE TABLE scope_freeze (
	id UUID NOT NULL,
	reason TEXT NOT NULL,
	source_id UUID NOT NULL,
	actor_id UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	lifted_at TIMESTAMP WITH TIME ZONE,
	lifted_by UUID,
	CONSTRAINT scope_freeze_pk PRIMARY KEY (id),
	CONSTRAINT scope_freeze_lifted_check CHECK (lifted_at >= at)
);

CREATE INDEX scope_freeze_source_idx ON scope_freeze (source_id);

CREATE TABLE sign_in_attempt (
	kind TEXT NOT NULL,
	digest BYTEA NOT NULL,
	tries BIGINT NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT sign_in_attempt_pk PRIMARY KEY (kind, digest)
);

CREATE INDEX sign_in_attempt_started_idx ON sign_in_attempt (started_at);

CREATE TABLE tenant (
	id UUID NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT tenant_pk PRIMARY KEY (id),
	CONSTRAINT tenant_kind_check CHECK (kind IN ('commons', 'platform')),
	CONSTRAINT tenant_name_key UNIQUE (name)
);

CREATE TABLE transfer (
	subject_id UUID NOT NULL,
	code TEXT NOT NULL,
	xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
	hold_id UUID,
	debit_account TEXT NOT NULL,
	credit_account TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT transfer_pk PRIMARY KEY (subject_id, code),
	CONSTRAINT transfer_amount_check CHECK (amount_minor > 0),
	CONSTRAINT transfer_debit_currency_check CHECK (right(debit_account, 4) = ':' || currency),
	CONSTRAINT transfer_credit_currency_check CHECK (right(credit_account, 4) = ':' || currency),
	CONSTRAINT transfer_code_check CHECK (CASE code WHEN 'fund' THEN debit_account ~ '^(gateway|dividing):' AND credit_account ~ '^held:' WHEN 'divide' THEN debit_account ~ '^held:' AND credit_account ~ '^dividing:' WHEN 'release' THEN debit_account ~ '^held:' AND credit_account ~ '^payable:' WHEN 'fee' THEN debit_account ~ '^held:' AND credit_account ~ '^fees:' WHEN 'refund' THEN debit_account ~ '^held:' AND credit_account ~ '^refunds:' WHEN 'charge_back' THEN debit_account ~ '^held:' AND credit_account ~ '^gateway:' WHEN 'refund_paid' THEN debit_account ~ '^refunds:' AND credit_account ~ '^gateway:' ELSE false END),
	CONSTRAINT transfer_hold_check CHECK ((code = 'refund_paid') = (hold_id IS NULL))
);

CREATE INDEX transfer_hold_idx ON transfer (hold_id) WHERE hold_id IS NOT NULL AND hold_id <> subject_id;

CREATE TABLE api_key (
	id UUID NOT NULL,
	person_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	label TEXT NOT NULL,
	prefix TEXT NOT NULL,
	key_hash BYTEA NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	revoked_at TIMESTAMP WITH TIME ZONE,
	last_used_on DATE,
	CONSTRAINT api_key_pk PRIMARY KEY (id),
	CONSTRAINT api_key_key_hash_check CHECK (octet_length(key_hash) = 32),
	CONSTRAINT api_key_person_id_fk FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT api_key_tenant_id_fk FOREIGN KEY(tenant_id) REFERENCES tenant (id),
	CONSTRAINT api_key_key_hash_key UNIQUE (key_hash)
);

CREATE INDEX api_key_person_idx ON api_key (person_id, id);

CREATE TABLE payment (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	kind TEXT NOT NULL,
	reference_id UUID NOT NULL,
	hold_id UUID,
	original_id UUID,
	seller_id UUID NOT NULL,
	buyer_id UUID,
	product_id UUID NOT NULL,
	batch_id UUID,
	currency TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	fee_bps BIGINT NOT NULL,
	state TEXT DEFAULT 'requested' NOT NULL,
	reason TEXT,
	asked_count BIGINT DEFAULT 0 NOT NULL,
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT payment_pk PRIMARY KEY (id),
	CONSTRAINT payment_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT payment_tenant_id_original_id_fk FOREIGN KEY(tenant_id, original_id) REFERENCES payment (tenant_id, id),
	CONSTRAINT payment_kind_check CHECK (kind IN ('capture', 'payout', 'refund')),
	CONSTRAINT payment_state_check CHECK (state IN ('done', 'failed', 'requested', 'unknown')),
	CONSTRAINT payment_ended_check CHECK ((state IN ('done', 'failed')) = (ended_at IS NOT NULL)),
	CONSTRAINT payment_amount_check CHECK (amount_minor > 0),
	CONSTRAINT payment_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
	CONSTRAINT payment_fee_check CHECK (fee_bps BETWEEN 0 AND 10000),
	CONSTRAINT payment_refund_hold_check CHECK ((kind = 'refund') = (hold_id IS NOT NULL)),
	CONSTRAINT payment_refund_original_check CHECK ((kind = 'refund') = (original_id IS NOT NULL)),
	CONSTRAINT payment_tenant_id_fk FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE UNIQUE INDEX payment_live_capture_key ON payment (reference_id) WHERE kind = 'capture' AND state <> 'failed';

CREATE UNIQUE INDEX payment_live_refund_key ON payment (hold_id) WHERE kind = 'refund' AND state <> 'failed';

CREATE INDEX payment_open_idx ON payment (requested_at) WHERE state IN ('requested', 'unknown');

CREATE INDEX payment_reference_idx ON payment (reference_id);

CREATE TABLE report (
	id UUID NOT NULL,
	kind TEXT NOT NULL,
	subject_id UUID NOT NULL,
	language TEXT NOT NULL,
	paper TEXT NOT NULL,
	state TEXT NOT NULL,
	requested_by UUID NOT NULL,
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	tries BIGINT NOT NULL,
	file_id UUID,
	failure TEXT,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT report_pk PRIMARY KEY (id),
	CONSTRAINT report_kind_check CHECK (kind IN ('batch_dossier')),
	CONSTRAINT report_language_check CHECK (language IN ('en', 'zh')),
	CONSTRAINT report_paper_check CHECK (paper IN ('A4', 'Letter')),
	CONSTRAINT report_state_check CHECK (state IN ('requested', 'ready', 'failed')),
	CONSTRAINT report_failure_check CHECK (failure IN ('render_failed', 'evidence_changed', 'storage_unavailable')),
	CONSTRAINT report_failed_check CHECK ((state = 'failed') = (failure IS NOT NULL)),
	CONSTRAINT report_ready_check CHECK (state <> 'ready' OR file_id IS NOT NULL),
	CONSTRAINT report_ended_check CHECK ((state = 'requested') = (ended_at IS NULL)),
	CONSTRAINT report_requested_by_fk FOREIGN KEY(requested_by) REFERENCES person (id),
	CONSTRAINT report_file_id_fk FOREIGN KEY(file_id) REFERENCES report_file (id)
);

CREATE UNIQUE INDEX report_open_key ON report (requested_by, kind, subject_id, language, paper) WHERE state = 'requested';

CREATE INDEX report_person_idx ON report (requested_by, id);

CREATE INDEX report_subject_idx ON report (subject_id, id);

CREATE TABLE report_facts (
	file_id UUID NOT NULL,
	body TEXT NOT NULL,
	photos JSONB NOT NULL,
	CONSTRAINT report_facts_pk PRIMARY KEY (file_id),
	CONSTRAINT report_facts_file_id_fk FOREIGN KEY(file_id) REFERENCES report_file (id)
);

CREATE TABLE scope_freeze_member (
	freeze_id UUID NOT NULL,
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	CONSTRAINT scope_freeze_member_pk PRIMARY KEY (freeze_id, kind, key),
	CONSTRAINT scope_freeze_member_kind_key_fk FOREIGN KEY(kind, key) REFERENCES scope (kind, key),
	CONSTRAINT scope_freeze_member_freeze_id_fk FOREIGN KEY(freeze_id) REFERENCES scope_freeze (id)
);

CREATE INDEX scope_freeze_member_scope_idx ON scope_freeze_member (kind, key);

CREATE TABLE seller (
	id UUID NOT NULL,
	name TEXT NOT NULL,
	name_zh TEXT NOT NULL,
	name_key TEXT NOT NULL,
	kind TEXT NOT NULL,
	country TEXT NOT NULL,
	registration_number TEXT,
	status TEXT NOT NULL,
	verification TEXT NOT NULL,
	registered_by UUID,
	registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT seller_pk PRIMARY KEY (id),
	CONSTRAINT seller_kind_check CHECK (kind IN ('shop', 'person', 'company', 'brand', 'factory')),
	CONSTRAINT seller_status_check CHECK (status IN ('active', 'suspended')),
	CONSTRAINT seller_verification_check CHECK (verification IN ('none', 'basic', 'verified')),
	CONSTRAINT seller_registered_by_fk FOREIGN KEY(registered_by) REFERENCES person (id)
);

CREATE UNIQUE INDEX seller_registration_key ON seller (country, registration_number) WHERE registration_number IS NOT NULL;

CREATE TABLE sign_in_session (
	token_hash BYTEA NOT NULL,
	id UUID NOT NULL,
	person_id UUID NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT sign_in_session_pk PRIMARY KEY (token_hash),
	CONSTRAINT sign_in_session_token_hash_check CHECK (octet_length(token_hash) = 32),
	CONSTRAINT sign_in_session_expires_check CHECK (expires_at > created_at),
	CONSTRAINT sign_in_session_id_key UNIQUE (id),
	CONSTRAINT sign_in_session_person_id_fk FOREIGN KEY(person_id) REFERENCES person (id)
);

CREATE INDEX sign_in_session_person_idx ON sign_in_session (person_id) WHERE ended_at IS NULL;

CREATE TABLE stored_file (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	case_key_id UUID NOT NULL,
	object_name TEXT NOT NULL,
	version_id TEXT,
	state TEXT NOT NULL,
	kind TEXT NOT NULL,
	size_bytes BIGINT NOT NULL,
	stored_size_bytes BIGINT NOT NULL,
	sha256_plain BYTEA NOT NULL,
	sha256_stored BYTEA NOT NULL,
	width_px BIGINT,
	height_px BIGINT,
	pages BIGINT,
	view_sha256 BYTEA,
	thumbnail_sha256 BYTEA,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	retain_until TIMESTAMP WITH TIME ZONE NOT NULL,
	locked_at TIMESTAMP WITH TIME ZONE,
	erased_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT stored_file_pk PRIMARY KEY (id),
	CONSTRAINT stored_file_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT stored_file_tenant_id_case_key_id_fk FOREIGN KEY(tenant_id, case_key_id) REFERENCES file_key (tenant_id, id),
	CONSTRAINT stored_file_state_check CHECK (state IN ('quarantined', 'locked', 'erased')),
	CONSTRAINT stored_file_kind_check CHECK (kind IN ('jpeg', 'png', 'webp', 'heic', 'avif', 'pdf')),
	CONSTRAINT stored_file_sizes_check CHECK (size_bytes > 0 AND stored_size_bytes > size_bytes),
	CONSTRAINT stored_file_hashes_check CHECK (length(sha256_plain) = 32 AND length(sha256_stored) = 32),
	CONSTRAINT stored_file_lock_check CHECK ((version_id IS NULL) = (locked_at IS NULL)),
	CONSTRAINT stored_file_quarantined_check CHECK (state <> 'quarantined' OR locked_at IS NULL),
	CONSTRAINT stored_file_locked_check CHECK (state <> 'locked' OR locked_at IS NOT NULL),
	CONSTRAINT stored_file_erased_check CHECK ((state = 'erased') = (erased_at IS NOT NULL)),
	CONSTRAINT stored_file_document_check CHECK ((kind = 'pdf') = (pages IS NOT NULL)),
	CONSTRAINT stored_file_derivatives_check CHECK (num_nulls(width_px, height_px, view_sha256, thumbnail_sha256) = CASE WHEN kind = 'pdf' THEN 4 ELSE 0 END),
	CONSTRAINT stored_file_object_name_key UNIQUE (object_name)
);

CREATE INDEX stored_file_case_idx ON stored_file (case_key_id, received_at);

CREATE INDEX stored_file_unlocked_idx ON stored_file (received_at) WHERE state = 'quarantined';

CREATE TABLE agent_link (
	id UUID NOT NULL,
	agent_id UUID NOT NULL,
	principal_id UUID NOT NULL,
	since TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT agent_link_pk PRIMARY KEY (id),
	CONSTRAINT agent_link_agent_id_principal_id_key UNIQUE (agent_id, principal_id),
	CONSTRAINT agent_link_not_itself_check CHECK (agent_id <> principal_id),
	CONSTRAINT agent_link_agent_id_fk FOREIGN KEY(agent_id) REFERENCES seller (id),
	CONSTRAINT agent_link_principal_id_fk FOREIGN KEY(principal_id) REFERENCES seller (id)
);

CREATE INDEX agent_link_principal_id_idx ON agent_link (principal_id);

CREATE TABLE hold (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	reference_id UUID NOT NULL,
	payment_id UUID NOT NULL,
	parent_hold_id UUID,
	seller_id UUID NOT NULL,
	buyer_id UUID,
	product_id UUID NOT NULL,
	batch_id UUID,
	currency TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	fee_bps BIGINT NOT NULL,
	state TEXT DEFAULT 'awaiting_delivery' NOT NULL,
	freeze_count BIGINT DEFAULT 0 NOT NULL,
	window_ends_at TIMESTAMP WITH TIME ZONE,
	window_left_seconds BIGINT,
	has_used_floor BOOLEAN DEFAULT false NOT NULL,
	funded_at TIMESTAMP WITH TIME ZONE NOT NULL,
	delivered_at TIMESTAMP WITH TIME ZONE,
	proof_kind TEXT,
	proof_id UUID,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT hold_pk PRIMARY KEY (id),
	CONSTRAINT hold_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT hold_tenant_id_payment_id_fk FOREIGN KEY(tenant_id, payment_id) REFERENCES payment (tenant_id, id),
	CONSTRAINT hold_tenant_id_parent_hold_id_fk FOREIGN KEY(tenant_id, parent_hold_id) REFERENCES hold (tenant_id, id),
	CONSTRAINT hold_state_check CHECK (state IN ('awaiting_delivery', 'charged_back', 'divided', 'in_window', 'refunded', 'released', 'split')),
	CONSTRAINT hold_amount_check CHECK (amount_minor > 0),
	CONSTRAINT hold_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
	CONSTRAINT hold_fee_check CHECK (fee_bps BETWEEN 0 AND 10000),
	CONSTRAINT hold_freeze_count_check CHECK (freeze_count >= 0),
	CONSTRAINT hold_window_runs_check CHECK ((window_ends_at IS NOT NULL) = (state = 'in_window' AND freeze_count = 0)),
	CONSTRAINT hold_window_paused_check CHECK ((window_left_seconds IS NOT NULL) = (state = 'in_window' AND freeze_count > 0)),
	CONSTRAINT hold_window_left_check CHECK (window_left_seconds >= 0),
	CONSTRAINT hold_ended_check CHECK ((state IN ('awaiting_delivery', 'in_window')) = (ended_at IS NULL)),
	CONSTRAINT hold_proof_check CHECK ((delivered_at IS NULL) = (proof_kind IS NULL)),
	CONSTRAINT hold_proof_kind_check CHECK (proof_kind IN ('carrier', 'hand_over', 'receipt'))
);

CREATE INDEX hold_batch_idx ON hold (batch_id) WHERE batch_id IS NOT NULL;

CREATE INDEX hold_buyer_idx ON hold (buyer_id, id) WHERE buyer_id IS NOT NULL;

CREATE INDEX hold_due_idx ON hold (window_ends_at) WHERE window_ends_at IS NOT NULL;

CREATE INDEX hold_open_seller_idx ON hold (seller_id, product_id) WHERE state IN ('awaiting_delivery', 'in_window');

CREATE INDEX hold_parent_idx ON hold (parent_hold_id) WHERE parent_hold_id IS NOT NULL;

CREATE UNIQUE INDEX hold_payment_key ON hold (payment_id) WHERE parent_hold_id IS NULL;

CREATE INDEX hold_reference_idx ON hold (reference_id);

CREATE INDEX hold_seller_idx ON hold (seller_id, id);

CREATE INDEX hold_tenant_idx ON hold (tenant_id, id);

CREATE TABLE product (
	id UUID NOT NULL,
	seller_id UUID NOT NULL,
	brand TEXT NOT NULL,
	name_en TEXT NOT NULL,
	name_zh TEXT NOT NULL,
	name_key TEXT NOT NULL,
	gtin TEXT,
	category TEXT NOT NULL,
	registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT product_pk PRIMARY KEY (id),
	CONSTRAINT product_category_check CHECK (category IN ('cosmetics', 'food', 'drug', 'supplement', 'device', 'clothing', 'toy', 'electronics', 'household', 'other')),
	CONSTRAINT product_gtin_check CHECK (gtin ~ '^[0-9]{14}$'),
	CONSTRAINT product_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id)
);

CREATE INDEX product_gtin_idx ON product (gtin);

CREATE UNIQUE INDEX product_gtin_key ON product (seller_id, gtin) WHERE gtin IS NOT NULL;

CREATE INDEX product_seller_id_idx ON product (seller_id);

CREATE TABLE role_grant (
	id UUID NOT NULL,
	person_id UUID NOT NULL,
	role TEXT NOT NULL,
	tenant_id UUID NOT NULL,
	seller_id UUID,
	granted_by UUID,
	granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	revoked_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT role_grant_pk PRIMARY KEY (id),
	CONSTRAINT role_grant_role_check CHECK (role IN ('buyer', 'seller', 'mediator', 'supervisor', 'regulator', 'operator', 'platform')),
	CONSTRAINT role_grant_seller_check CHECK ((role = 'seller') = (seller_id IS NOT NULL)),
	CONSTRAINT role_grant_revoked_check CHECK (revoked_at >= granted_at),
	CONSTRAINT role_grant_person_id_fk FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT role_grant_tenant_id_fk FOREIGN KEY(tenant_id) REFERENCES tenant (id),
	CONSTRAINT role_grant_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT role_grant_granted_by_fk FOREIGN KEY(granted_by) REFERENCES person (id)
);

CREATE UNIQUE INDEX role_grant_live_key ON role_grant (person_id, role, tenant_id, seller_id) NULLS NOT DISTINCT WHERE revoked_at IS NULL;

CREATE INDEX role_grant_seller_idx ON role_grant (seller_id) WHERE seller_id IS NOT NULL AND revoked_at IS NULL;

CREATE TABLE batch (
	id UUID NOT NULL,
	product_id UUID NOT NULL,
	seller_id UUID NOT NULL,
	lot_code TEXT NOT NULL,
	maker_lot_code TEXT,
	lot_folded TEXT NOT NULL,
	maker_lot_folded TEXT,
	made_on DATE,
	expires_on DATE,
	units_made BIGINT,
	registered_by UUID,
	registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT batch_pk PRIMARY KEY (id),
	CONSTRAINT batch_product_id_lot_code_key UNIQUE (product_id, lot_code),
	CONSTRAINT batch_units_made_check CHECK (units_made > 0),
	CONSTRAINT batch_expires_after_made_check CHECK (expires_on > made_on),
	CONSTRAINT batch_product_id_fk FOREIGN KEY(product_id) REFERENCES product (id),
	CONSTRAINT batch_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT batch_registered_by_fk FOREIGN KEY(registered_by) REFERENCES person (id)
);

CREATE INDEX batch_lot_folded_idx ON batch (lot_folded);

CREATE INDEX batch_maker_lot_folded_idx ON batch (maker_lot_folded);

CREATE INDEX batch_seller_idx ON batch (seller_id, id);

CREATE TABLE hold_freeze (
	id UUID NOT NULL,
	hold_id UUID NOT NULL,
	kind TEXT NOT NULL,
	source_id UUID NOT NULL,
	actor_id UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	lifted_at TIMESTAMP WITH TIME ZONE,
	lifted_by UUID,
	CONSTRAINT hold_freeze_pk PRIMARY KEY (id),
	CONSTRAINT hold_freeze_kind_check CHECK (kind IN ('claim', 'scope', 'seal_failure', 'unreachable_seller')),
	CONSTRAINT hold_freeze_lifted_check CHECK (lifted_at >= at),
	CONSTRAINT hold_freeze_hold_id_fk FOREIGN KEY(hold_id) REFERENCES hold (id)
);

CREATE INDEX hold_freeze_hold_idx ON hold_freeze (hold_id, at);

CREATE UNIQUE INDEX hold_freeze_live_key ON hold_freeze (hold_id, source_id) WHERE lifted_at IS NULL;

CREATE INDEX hold_freeze_source_idx ON hold_freeze (source_id) WHERE lifted_at IS NULL;

CREATE TABLE batch_parent (
	child_id UUID NOT NULL,
	parent_id UUID NOT NULL,
	CONSTRAINT batch_parent_pk PRIMARY KEY (child_id, parent_id),
	CONSTRAINT batch_parent_not_itself_check CHECK (child_id <> parent_id),
	CONSTRAINT batch_parent_child_id_fk FOREIGN KEY(child_id) REFERENCES batch (id),
	CONSTRAINT batch_parent_parent_id_fk FOREIGN KEY(parent_id) REFERENCES batch (id)
);

CREATE INDEX batch_parent_parent_id_idx ON batch_parent (parent_id);

CREATE TABLE batch_status (
	id UUID NOT NULL,
	batch_id UUID NOT NULL,
	status TEXT NOT NULL,
	reason_code TEXT NOT NULL,
	source_id UUID,
	actor_id UUID,
	since TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT batch_status_pk PRIMARY KEY (id),
	CONSTRAINT batch_status_status_check CHECK (status IN ('active', 'held', 'recalled', 'cleared')),
	CONSTRAINT batch_status_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id)
);

CREATE INDEX batch_status_batch_idx ON batch_status (batch_id, id);

CREATE TABLE custody (
	id UUID NOT NULL,
	batch_id UUID NOT NULL,
	from_seller_id UUID NOT NULL,
	to_seller_id UUID NOT NULL,
	units BIGINT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	recorded_by UUID,
	CONSTRAINT custody_pk PRIMARY KEY (id),
	CONSTRAINT custody_units_check CHECK (units > 0),
	CONSTRAINT custody_not_itself_check CHECK (from_seller_id <> to_seller_id),
	CONSTRAINT custody_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT custody_from_seller_id_fk FOREIGN KEY(from_seller_id) REFERENCES seller (id),
	CONSTRAINT custody_to_seller_id_fk FOREIGN KEY(to_seller_id) REFERENCES seller (id)
);

CREATE INDEX custody_batch_idx ON custody (batch_id, id);

CREATE TABLE "order" (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	platform_ref TEXT NOT NULL,
	seller_id UUID NOT NULL,
	product_id UUID NOT NULL,
	batch_id UUID,
	buyer_id UUID,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	units BIGINT NOT NULL,
	jurisdiction TEXT NOT NULL,
	destination_area TEXT NOT NULL,
	status TEXT NOT NULL,
	payer_digest TEXT,
	device_digest TEXT,
	address_digest TEXT,
	contact_digest TEXT,
	claim_code_hash BYTEA,
	claim_code_expires_at TIMESTAMP WITH TIME ZONE,
	hand_over_failures BIGINT NOT NULL,
	placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	paid_at TIMESTAMP WITH TIME ZONE,
	claimed_at TIMESTAMP WITH TIME ZONE,
	carrier TEXT,
	tracking_number TEXT,
	shipped_at TIMESTAMP WITH TIME ZONE,
	delivered_at TIMESTAMP WITH TIME ZONE,
	received_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT order_pk PRIMARY KEY (id),
	CONSTRAINT order_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT order_tenant_id_platform_ref_key UNIQUE (tenant_id, platform_ref),
	CONSTRAINT order_carrier_tracking_number_key UNIQUE (carrier, tracking_number),
	CONSTRAINT order_status_check CHECK (status IN ('placed', 'paid', 'shipped', 'delivered')),
	CONSTRAINT order_amount_check CHECK (amount_minor > 0),
	CONSTRAINT order_units_check CHECK (units > 0),
	CONSTRAINT order_tracking_check CHECK ((carrier IS NULL) = (tracking_number IS NULL)),
	CONSTRAINT order_batch_named_check CHECK (status NOT IN ('shipped', 'delivered') OR batch_id IS NOT NULL),
	CONSTRAINT order_claimed_check CHECK ((claimed_at IS NULL) = (buyer_id IS NULL)),
	CONSTRAINT order_tenant_id_fk FOREIGN KEY(tenant_id) REFERENCES tenant (id),
	CONSTRAINT order_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT order_product_id_fk FOREIGN KEY(product_id) REFERENCES product (id),
	CONSTRAINT order_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT order_buyer_id_fk FOREIGN KEY(buyer_id) REFERENCES person (id)
);

CREATE INDEX order_batch_idx ON "order" (batch_id) WHERE batch_id IS NOT NULL;

CREATE INDEX order_buyer_idx ON "order" (buyer_id, id) WHERE buyer_id IS NOT NULL;

CREATE UNIQUE INDEX order_claim_code_key ON "order" (claim_code_hash) WHERE claim_code_hash IS NOT NULL;

CREATE INDEX order_seller_idx ON "order" (seller_id, id);

CREATE TABLE signal (
	id UUID NOT NULL,
	batch_id UUID NOT NULL,
	state TEXT NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	frozen_at TIMESTAMP WITH TIME ZONE,
	supervisor_called_at TIMESTAMP WITH TIME ZONE,
	confirmed_by UUID,
	confirmed_at TIMESTAMP WITH TIME ZONE,
	closed_by UUID,
	closed_at TIMESTAMP WITH TIME ZONE,
	reason_code TEXT,
	rule_version TEXT NOT NULL,
	numbers JSONB NOT NULL,
	frozen_numbers JSONB,
	CONSTRAINT signal_pk PRIMARY KEY (id),
	CONSTRAINT signal_state_check CHECK (state IN ('screening', 'preliminary', 'analysis', 'closed', 'action')),
	CONSTRAINT signal_reason_code_check CHECK (reason_code IN ('not_the_product', 'not_this_batch', 'not_genuine', 'put_right', 'no_risk', 'not_confirmed', 'time_over')),
	CONSTRAINT signal_frozen_check CHECK ((state = 'screening') = (frozen_at IS NULL)),
	CONSTRAINT signal_frozen_numbers_check CHECK ((frozen_at IS NULL) = (frozen_numbers IS NULL)),
	CONSTRAINT signal_confirmed_check CHECK (state <> 'analysis' OR confirmed_at IS NOT NULL),
	CONSTRAINT signal_confirmed_by_check CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)),
	CONSTRAINT signal_closed_check CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
	CONSTRAINT signal_closed_reason_check CHECK ((closed_at IS NULL) = (reason_code IS NULL)),
	CONSTRAINT signal_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT signal_confirmed_by_fk FOREIGN KEY(confirmed_by) REFERENCES person (id),
	CONSTRAINT signal_closed_by_fk FOREIGN KEY(closed_by) REFERENCES person (id)
);

CREATE INDEX signal_batch_id_idx ON signal (batch_id);

CREATE UNIQUE INDEX signal_open_key ON signal (batch_id) WHERE state IN ('screening', 'preliminary', 'analysis');

CREATE TABLE complaint (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	reference TEXT NOT NULL,
	buyer_id UUID,
	order_id UUID,
	seller_id UUID,
	product_id UUID,
	purpose TEXT NOT NULL,
	kind TEXT,
	harm TEXT,
	harmed_on DATE,
	wanted TEXT,
	product_text TEXT NOT NULL,
	brand_text TEXT NOT NULL,
	seller_text TEXT NOT NULL,
	lot_text TEXT NOT NULL,
	gtin TEXT NOT NULL,
	bought_on DATE,
	bought_through TEXT,
	shows_name BOOLEAN NOT NULL,
	may_publish BOOLEAN NOT NULL,
	language TEXT NOT NULL,
	told_key TEXT NOT NULL,
	lots_told JSONB NOT NULL,
	status TEXT NOT NULL,
	outcome TEXT,
	risk TEXT,
	risk_reason TEXT,
	risk_rules TEXT,
	match_status TEXT NOT NULL,
	batch_id UUID,
	link_by TEXT,
	link_is_strict BOOLEAN NOT NULL,
	claim_minor BIGINT,
	currency TEXT,
	hold_id UUID,
	dispute_id UUID,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	submitted_at TIMESTAMP WITH TIME ZONE,
	reached_at TIMESTAMP WITH TIME ZONE,
	answered_at TIMESTAMP WITH TIME ZONE,
	ruled_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT complaint_pk PRIMARY KEY (id),
	CONSTRAINT complaint_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT complaint_tenant_id_order_id_fk FOREIGN KEY(tenant_id, order_id) REFERENCES "order" (tenant_id, id),
	CONSTRAINT complaint_tenant_id_hold_id_fk FOREIGN KEY(tenant_id, hold_id) REFERENCES hold (tenant_id, id),
	CONSTRAINT complaint_purpose_check CHECK (purpose IN ('redress', 'safety')),
	CONSTRAINT complaint_kind_check CHECK (kind IN ('unsafe', 'fake', 'not_as_described', 'damaged', 'wrong_item', 'expired', 'missing_licence', 'not_delivered', 'withdrawal', 'other')),
	CONSTRAINT complaint_harm_check CHECK (harm IN ('none', 'discomfort', 'injury', 'hospital')),
	CONSTRAINT complaint_wanted_check CHECK (wanted IN ('refund', 'part_refund', 'replacement', 'none')),
	CONSTRAINT complaint_bought_through_check CHECK (bought_through IN ('wechat', 'qq', 'live_stream', 'shop_link', 'friend', 'other')),
	CONSTRAINT complaint_status_check CHECK (status IN ('draft', 'submitted', 'triage', 'with_seller', 'answered', 'disputed', 'withdrawn', 'closed', 'settled')),
	CONSTRAINT complaint_risk_check CHECK (risk IN ('low', 'medium', 'high', 'serious')),
	CONSTRAINT complaint_match_status_check CHECK (match_status IN ('unmatched', 'suggested', 'product_only', 'linked')),
	CONSTRAINT complaint_link_by_check CHECK (link_by IN ('automatic', 'buyer', 'mediator')),
	CONSTRAINT complaint_outcome_check CHECK (outcome IN ('accepted', 'offer', 'silence', 'ruling')),
	CONSTRAINT complaint_buyer_check CHECK (buyer_id IS NOT NULL OR purpose = 'safety'),
	CONSTRAINT complaint_sent_check CHECK (status IN ('draft', 'withdrawn') OR num_nulls(submitted_at, kind, harm, risk) = 0),
	CONSTRAINT complaint_claim_check CHECK (claim_minor IS NULL OR (claim_minor > 0 AND order_id IS NOT NULL)),
	CONSTRAINT complaint_claim_currency_check CHECK ((claim_minor IS NULL) = (currency IS NULL)),
	CONSTRAINT complaint_claim_held_check CHECK (status IN ('draft', 'withdrawn') OR (claim_minor IS NULL) = (hold_id IS NULL)),
	CONSTRAINT complaint_linked_check CHECK ((match_status = 'linked') = (batch_id IS NOT NULL)),
	CONSTRAINT complaint_linked_by_check CHECK ((batch_id IS NULL) = (link_by IS NULL)),
	CONSTRAINT complaint_strict_check CHECK (batch_id IS NOT NULL OR NOT link_is_strict),
	CONSTRAINT complaint_ended_check CHECK ((status IN ('settled', 'closed', 'withdrawn')) = (ended_at IS NOT NULL)),
	CONSTRAINT complaint_outcome_settled_check CHECK ((status = 'settled') = (outcome IS NOT NULL)),
	CONSTRAINT complaint_reached_check CHECK (status <> 'with_seller' OR reached_at IS NOT NULL),
	CONSTRAINT complaint_tenant_id_fk FOREIGN KEY(tenant_id) REFERENCES tenant (id),
	CONSTRAINT complaint_reference_key UNIQUE (reference),
	CONSTRAINT complaint_buyer_id_fk FOREIGN KEY(buyer_id) REFERENCES person (id),
	CONSTRAINT complaint_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT complaint_product_id_fk FOREIGN KEY(product_id) REFERENCES product (id),
	CONSTRAINT complaint_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id)
);

CREATE INDEX complaint_batch_idx ON complaint (batch_id) WHERE batch_id IS NOT NULL;

CREATE INDEX complaint_buyer_idx ON complaint (buyer_id, id);

CREATE INDEX complaint_hold_idx ON complaint (hold_id) WHERE hold_id IS NOT NULL;

CREATE UNIQUE INDEX complaint_open_key ON complaint (buyer_id, order_id, kind) WHERE order_id IS NOT NULL AND status IN ('submitted', 'triage', 'with_seller', 'answered', 'disputed');

CREATE INDEX complaint_order_idx ON complaint (order_id) WHERE order_id IS NOT NULL;

CREATE INDEX complaint_seller_idx ON complaint (seller_id, id) WHERE reached_at IS NOT NULL;

CREATE INDEX complaint_silence_idx ON complaint (ended_at) WHERE outcome = 'silence';

CREATE INDEX complaint_tenant_idx ON complaint (tenant_id, status, id);

CREATE TABLE signal_batch (
	signal_id UUID NOT NULL,
	batch_id UUID NOT NULL,
	seller_id UUID NOT NULL,
	frozen_by UUID,
	CONSTRAINT signal_batch_pk PRIMARY KEY (signal_id, batch_id),
	CONSTRAINT signal_batch_signal_id_fk FOREIGN KEY(signal_id) REFERENCES signal (id),
	CONSTRAINT signal_batch_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT signal_batch_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT signal_batch_frozen_by_fk FOREIGN KEY(frozen_by) REFERENCES scope_freeze (id)
);

CREATE INDEX signal_batch_batch_id_idx ON signal_batch (batch_id);

CREATE INDEX signal_batch_seller_idx ON signal_batch (seller_id, signal_id);

CREATE TABLE signal_text (
	signal_id UUID NOT NULL,
	action TEXT NOT NULL,
	explanation TEXT NOT NULL,
	CONSTRAINT signal_text_pk PRIMARY KEY (signal_id, action),
	CONSTRAINT signal_text_signal_id_fk FOREIGN KEY(signal_id) REFERENCES signal (id)
);

CREATE TABLE complaint_entry (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	kind TEXT NOT NULL,
	side TEXT NOT NULL,
	author_id UUID,
	decision TEXT,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT complaint_entry_pk PRIMARY KEY (id),
	CONSTRAINT complaint_entry_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT complaint_entry_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT complaint_entry_kind_check CHECK (kind IN ('addition', 'answer', 'offer', 'note')),
	CONSTRAINT complaint_entry_side_check CHECK (side IN ('buyer', 'seller', 'mediator', 'regulator', 'operator', 'platform', 'system')),
	CONSTRAINT complaint_entry_author_id_fk FOREIGN KEY(author_id) REFERENCES person (id)
);

CREATE INDEX complaint_entry_complaint_idx ON complaint_entry (complaint_id, id);

CREATE TABLE complaint_evidence (
	file_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	side TEXT NOT NULL,
	added_by UUID,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT complaint_evidence_pk PRIMARY KEY (file_id),
	CONSTRAINT complaint_evidence_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT complaint_evidence_tenant_id_file_id_fk FOREIGN KEY(tenant_id, file_id) REFERENCES stored_file (tenant_id, id),
	CONSTRAINT complaint_evidence_side_check CHECK (side IN ('buyer', 'seller', 'mediator', 'regulator', 'operator', 'platform', 'system')),
	CONSTRAINT complaint_evidence_added_by_fk FOREIGN KEY(added_by) REFERENCES person (id)
);

CREATE INDEX complaint_evidence_complaint_idx ON complaint_evidence (complaint_id, file_id);

CREATE TABLE complaint_match (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	link_by TEXT NOT NULL,
	actor_id UUID,
	outcome TEXT NOT NULL,
	is_strict BOOLEAN NOT NULL,
	batch_id UUID,
	product_id UUID,
	probability DOUBLE PRECISION,
	product_probability DOUBLE PRECISION,
	model_version TEXT,
	reasons JSONB NOT NULL,
	runners_up JSONB NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT complaint_match_pk PRIMARY KEY (id),
	CONSTRAINT complaint_match_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT complaint_match_outcome_check CHECK (outcome IN ('unmatched', 'suggested', 'product_only', 'linked')),
	CONSTRAINT complaint_match_link_by_check CHECK (link_by IN ('automatic', 'buyer', 'mediator')),
	CONSTRAINT complaint_match_probability_check CHECK (probability BETWEEN 0 AND 1 AND product_probability BETWEEN 0 AND 1),
	CONSTRAINT complaint_match_model_check CHECK ((link_by = 'automatic') = (model_version IS NOT NULL)),
	CONSTRAINT complaint_match_actor_id_fk FOREIGN KEY(actor_id) REFERENCES person (id),
	CONSTRAINT complaint_match_batch_id_fk FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT complaint_match_product_id_fk FOREIGN KEY(product_id) REFERENCES product (id)
);

CREATE INDEX complaint_match_complaint_idx ON complaint_match (complaint_id, id);

CREATE TABLE complaint_text (
	complaint_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	narrative TEXT NOT NULL,
	treatment TEXT NOT NULL,
	agent_text TEXT NOT NULL,
	contact_email TEXT NOT NULL,
	contact_phone TEXT NOT NULL,
	CONSTRAINT complaint_text_pk PRIMARY KEY (complaint_id),
	CONSTRAINT complaint_text_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id)
);

CREATE TABLE dispute (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	buyer_id UUID,
	seller_id UUID,
	state TEXT NOT NULL,
	mediator_id UUID,
	needs_supervisor BOOLEAN NOT NULL,
	opened_by UUID,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	assigned_at TIMESTAMP WITH TIME ZONE,
	ruled_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT dispute_pk PRIMARY KEY (id),
	CONSTRAINT dispute_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT dispute_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT dispute_state_check CHECK (state IN ('queued', 'in_review', 'ruled', 'final')),
	CONSTRAINT dispute_buyer_id_fk FOREIGN KEY(buyer_id) REFERENCES person (id),
	CONSTRAINT dispute_seller_id_fk FOREIGN KEY(seller_id) REFERENCES seller (id),
	CONSTRAINT dispute_mediator_id_fk FOREIGN KEY(mediator_id) REFERENCES person (id)
);

CREATE INDEX dispute_buyer_id_idx ON dispute (buyer_id);

CREATE INDEX dispute_mediator_idx ON dispute (mediator_id, id) WHERE mediator_id IS NOT NULL;

CREATE UNIQUE INDEX dispute_open_key ON dispute (complaint_id) WHERE state <> 'final';

CREATE INDEX dispute_queue_idx ON dispute (tenant_id, id) WHERE state <> 'final';

CREATE INDEX dispute_seller_id_idx ON dispute (seller_id);

CREATE TABLE signal_member (
	signal_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	group_number BIGINT NOT NULL,
	CONSTRAINT signal_member_pk PRIMARY KEY (signal_id, complaint_id),
	CONSTRAINT signal_member_group_number_check CHECK (group_number > 0),
	CONSTRAINT signal_member_signal_id_fk FOREIGN KEY(signal_id) REFERENCES signal (id),
	CONSTRAINT signal_member_complaint_id_fk FOREIGN KEY(complaint_id) REFERENCES complaint (id)
);

CREATE INDEX signal_member_complaint_id_idx ON signal_member (complaint_id);

CREATE TABLE complaint_entry_text (
	entry_id UUID NOT NULL,
	text TEXT NOT NULL,
	CONSTRAINT complaint_entry_text_pk PRIMARY KEY (entry_id),
	CONSTRAINT complaint_entry_text_entry_id_fk FOREIGN KEY(entry_id) REFERENCES complaint_entry (id)
);

CREATE TABLE complaint_evidence_removal (
	file_id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT complaint_evidence_removal_pk PRIMARY KEY (file_id),
	CONSTRAINT complaint_evidence_removal_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT complaint_evidence_removal_file_id_fk FOREIGN KEY(file_id) REFERENCES complaint_evidence (file_id)
);

CREATE TABLE offer (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	complaint_id UUID NOT NULL,
	entry_id UUID NOT NULL,
	kind TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	status TEXT NOT NULL,
	made_by UUID,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT offer_pk PRIMARY KEY (id),
	CONSTRAINT offer_tenant_id_id_key UNIQUE (tenant_id, id),
	CONSTRAINT offer_tenant_id_complaint_id_fk FOREIGN KEY(tenant_id, complaint_id) REFERENCES complaint (tenant_id, id),
	CONSTRAINT offer_tenant_id_entry_id_fk FOREIGN KEY(tenant_id, entry_id) REFERENCES complaint_entry (tenant_id, id),
	CONSTRAINT offer_kind_check CHECK (kind IN ('refund', 'part_refund')),
	CONSTRAINT offer_status_check CHECK (status IN ('open', 'accepted', 'refused', 'expired', 'withdrawn')),
	CONSTRAINT offer_amount_check CHECK (amount_minor > 0),
	CONSTRAINT offer_ended_check CHECK ((status = 'open') = (ended_at IS NULL)),
	CONSTRAINT offer_made_by_fk FOREIGN KEY(made_by) REFERENCES person (id)
);

CREATE INDEX offer_complaint_idx ON offer (complaint_id, id);

CREATE UNIQUE INDEX offer_open_key ON offer (complaint_id) WHERE status = 'open';

CREATE TABLE ruling (
	id UUID NOT NULL,
	tenant_id UUID NOT NULL,
	dispute_id UUID NOT NULL,
	round BIGINT NOT NULL,
	mediator_id UUID NOT NULL,
	held_minor BIGINT NOT NULL,
	buyer_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT ruling_pk PRIMARY KEY (id),
	CONSTRAINT ruling_dispute_id_round_key UNIQUE (dispute_id, round),
	CONSTRAINT ruling_tenant_id_dispute_id_fk FOREIGN KEY(tenant_id, dispute_id) REFERENCES dispute (tenant_id, id),
	CONSTRAINT ruling_buyer_part_check CHECK (buyer_minor BETWEEN 0 AND held_minor),
	CONSTRAINT ruling_mediator_id_fk FOREIGN KEY(mediator_id) REFERENCES person (id)
);

CREATE TABLE ruling_acceptance (
	ruling_id UUID NOT NULL,
	side TEXT NOT NULL,
	person_id UUID NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT ruling_acceptance_pk PRIMARY KEY (ruling_id, side),
	CONSTRAINT ruling_acceptance_side_check CHECK (side IN ('buyer', 'seller')),
	CONSTRAINT ruling_acceptance_ruling_id_fk FOREIGN KEY(ruling_id) REFERENCES ruling (id),
	CONSTRAINT ruling_acceptance_person_id_fk FOREIGN KEY(person_id) REFERENCES person (id)
);

CREATE TABLE ruling_text (
	ruling_id UUID NOT NULL,
	reasons TEXT NOT NULL,
	CONSTRAINT ruling_text_pk PRIMARY KEY (ruling_id),
	CONSTRAINT ruling_text_ruling_id_fk FOREIGN KEY(ruling_id) REFERENCES ruling (id)
);
