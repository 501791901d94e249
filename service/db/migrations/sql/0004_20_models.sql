-- Models of the matcher, and which is in force. Both are for ever: each try of the matcher names the model that made it.
CREATE TABLE matching_model (
    id uuid NOT NULL,
    version text NOT NULL,
    origin text NOT NULL,
    content jsonb NOT NULL,
    report jsonb NOT NULL,
    trained_on jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    made_by uuid,
    CONSTRAINT matching_model_pk PRIMARY KEY (id),
    CONSTRAINT matching_model_version_key UNIQUE (version),
    CONSTRAINT matching_model_made_by_fk FOREIGN KEY (made_by) REFERENCES person (id),
    CONSTRAINT matching_model_origin_check CHECK (origin IN ('shipped', 'trained')),
    CONSTRAINT matching_model_content_check CHECK ((content ->> 'version') IS NOT DISTINCT FROM version)
);

-- The one with the highest number is in force; where there is none, the model that is shipped with the package.
CREATE TABLE matching_deployment (
    id uuid NOT NULL,
    number bigint NOT NULL,
    model_id uuid NOT NULL,
    before_id uuid NOT NULL,
    by_id uuid,
    reason text NOT NULL,
    figures jsonb NOT NULL,
    was_worse boolean NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT matching_deployment_pk PRIMARY KEY (id),
    CONSTRAINT matching_deployment_number_key UNIQUE (number),
    CONSTRAINT matching_deployment_model_id_fk FOREIGN KEY (model_id) REFERENCES matching_model (id),
    CONSTRAINT matching_deployment_before_id_fk FOREIGN KEY (before_id) REFERENCES matching_model (id),
    CONSTRAINT matching_deployment_by_id_fk FOREIGN KEY (by_id) REFERENCES person (id),
    CONSTRAINT matching_deployment_number_check CHECK (number >= 1),
    CONSTRAINT matching_deployment_changes_check CHECK (model_id <> before_id),
    CONSTRAINT matching_deployment_reason_check CHECK (length(reason) BETWEEN 1 AND 500)
);
SELECT fairhold_append_only('matching_model');
SELECT fairhold_append_only('matching_deployment');

-- How the matcher does, as the worker counted it last: one row, so that pages need not count a month of tries.
CREATE TABLE matching_drift (
    name text NOT NULL,
    counts jsonb NOT NULL,
    counted_at timestamptz NOT NULL,
    CONSTRAINT matching_drift_pk PRIMARY KEY (name),
    CONSTRAINT matching_drift_name_check CHECK (name = 'all')
);

-- What drift is counted from, and what people said of matches: both a small part of all tries.
CREATE INDEX complaint_match_automatic_idx ON complaint_match (at) WHERE link_by = 'automatic';
CREATE INDEX complaint_match_chosen_idx ON complaint_match (complaint_id, id) WHERE link_by <> 'automatic';
