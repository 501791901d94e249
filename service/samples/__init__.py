"""Sample data and the demonstration: made-up people, sellers, products, batches, orders and complaints."""
