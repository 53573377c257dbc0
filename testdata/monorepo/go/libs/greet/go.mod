module example.com/shop/greet

go 1.24
