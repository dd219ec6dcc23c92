-- Whose deliveries are to come, and each tenant's by age: claims take tenants in turn.
create index delivery_by_turn on delivery (tenant_id, due_at) where due_at is not null;
