-- The department's own database, as the example makes it: organisations and penalties that do not exist.
CREATE TABLE organisation (credit_code TEXT PRIMARY KEY, name TEXT NOT NULL, registered_on TEXT NOT NULL);
CREATE TABLE penalty (credit_code TEXT NOT NULL, decided_on TEXT NOT NULL, act TEXT NOT NULL);
INSERT INTO organisation VALUES ('51990000MA00000072', '演示省墨竹园艺协会', '2019-03-12');
INSERT INTO organisation VALUES ('51990000MAY9RPG04C', '演示省云杉书法协会', '2020-06-30');
INSERT INTO penalty VALUES ('51990000MAY9RPG04C', '2024-05-06', '警告');
