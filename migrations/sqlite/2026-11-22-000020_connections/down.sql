DROP TABLE notices;
DROP TABLE notice_bodies;
DROP TABLE connections;
DROP TABLE source_documents;
