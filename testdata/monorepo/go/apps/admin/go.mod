module example.com/shop/admin

go 1.24
